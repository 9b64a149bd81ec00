-- Refreshes families one after the other: what an answer gives is what a later request presents.
-- Prints what came of it as one line of JSON, the last. Arguments: PATH-OF-TOKENS BODY [HEADER VALUE]…
-- The file holds a refresh token a line; there must be more of them than connections.
local waiting, first, last = {}, 1, 0
local body = ""

function init(args)
  wrk.method = "POST"
  body = args[2] .. "&refresh_token="
  for i = 3, #args, 2 do wrk.headers[args[i]] = args[i + 1] end
  for token in io.lines(args[1]) do
    last = last + 1
    waiting[last] = token
  end
end

function request()
  local token = waiting[first]
  waiting[first] = nil
  first = first + 1
  return wrk.format(nil, nil, nil, body .. token)
end

function response(_, _, answer)
  local token = answer:match('"refresh_token": ?"([^"]+)"')
  if token then
    last = last + 1
    waiting[last] = token
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"responses": %d, "seconds": %.6f, "failures": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n',
    summary.requests,
    summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3
  ))
end
