// Verifies tokens as a service on npm's jose does: a JSON object a line in, its verdict a line out.
import * as readline from "node:readline";
import * as jose from "jose";

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { issuer, audience, alg, typ, token } = JSON.parse(line);
  const keySet = jose.createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
  const verdict = await jose
    .jwtVerify(token, keySet, { issuer, audience, typ, algorithms: [alg], requiredClaims: ["exp", "sub"] })
    .then(({ payload }) => ({ claims: payload }), (error) => ({ refused: error.code }));
  console.log(JSON.stringify(verdict));
}
