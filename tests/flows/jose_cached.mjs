// A service on npm's jose that keeps the key set it fetched: a token a line in, its verdict a line out.
// Arguments: the key set's address, the issuer, the audience, the algorithm, for how many seconds it is kept.
import * as readline from "node:readline";
import * as jose from "jose";

const [address, issuer, audience, alg, seconds] = process.argv.slice(2);
const keySet = jose.createRemoteJWKSet(new URL(address), {
  cacheMaxAge: Number(seconds) * 1000,
  // An unknown kid never makes it look: only its cache's end does.
  cooldownDuration: 3600 * 1000,
});
for await (const token of readline.createInterface({ input: process.stdin })) {
  const verdict = await jose
    .jwtVerify(token, keySet, { issuer, audience, typ: "at+jwt", algorithms: [alg] })
    .then(() => "accepted", (error) => error.code);
  console.log(verdict);
}
