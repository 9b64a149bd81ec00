// The peer: node-oidc-provider in memory, with client_credentials and resource indicators, and nothing else in its way.
//
// Usage: node oidc_provider.mjs PORT CLIENT_ID CLIENT_SECRET SCOPE ALG=RESOURCE…
// Prints "ready" once it listens. Each resource's tokens are JWTs signed with its ALG.
import { generateKeyPairSync } from 'node:crypto';
import { Provider, errors } from 'oidc-provider';

const [port, clientId, clientSecret, scope, ...pairs] = process.argv.slice(2);
const algorithms = new Map(pairs.map((pair) => {
  const [alg, ...resource] = pair.split('=');
  return [resource.join('='), alg];
}));

function makeKey(alg) {
  const [type, options] = alg === 'ES256'
    ? ['ec', { namedCurve: 'P-256' }]
    : ['rsa', { modulusLength: 2048 }];
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: alg };
}

function describeResource(ctx, resource) {
  const alg = algorithms.get(resource);
  if (!alg) throw new errors.InvalidTarget();
  return {
    scope,
    audience: resource,
    accessTokenTTL: 900,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg } },
  };
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: clientId,
    client_secret: clientSecret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_basic',
  }],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: { enabled: true, getResourceServerInfo: describeResource },
  },
  jwks: { keys: ['RS256', 'ES256'].map(makeKey) },
  routes: { jwks: '/.well-known/jwks.json', token: '/oauth/token' },
  scopes: [scope],
});

provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
