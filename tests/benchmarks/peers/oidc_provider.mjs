// The peer: node-oidc-provider in memory, with client_credentials, refresh tokens that rotate and resource
// indicators, and nothing else in its way.
//
// Usage: node oidc_provider.mjs PORT CLIENT_ID CLIENT_SECRET SCOPE FILE ALG=RESOURCE…
// Writes refresh tokens for the first resource to FILE, one a line; prints "ready" once it listens.
// Each resource's tokens are JWTs signed with its ALG.
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Provider, errors } from 'oidc-provider';

const REFRESH_TOKENS = 512;

const [port, clientId, clientSecret, scope, file, ...pairs] = process.argv.slice(2);
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

// The library's own adapter forgets all but the last thousand entries.
const stored = new Map();

class MapAdapter {
  constructor(model) { this.prefix = `${model}:`; }

  async upsert(id, payload) { stored.set(this.prefix + id, payload); }

  async find(id) { return stored.get(this.prefix + id); }

  async consume(id) { stored.get(this.prefix + id).consumed = Math.floor(Date.now() / 1000); }

  async destroy(id) { stored.delete(this.prefix + id); }

  async revokeByGrantId() { throw new Error('no benchmark presents a spent token'); }
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: MapAdapter,
  clients: [{
    client_id: clientId,
    client_secret: clientSecret,
    grant_types: ['client_credentials', 'refresh_token'],
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
  rotateRefreshToken: true,
  scopes: [scope, 'offline_access'],
});

async function makeRefreshToken(client, resource) {
  const grant = new provider.Grant({ accountId: clientId, clientId });
  grant.addResourceScope(resource, scope);
  const token = new provider.RefreshToken({
    accountId: clientId,
    client,
    grantId: await grant.save(),
    gty: 'authorization_code',
    resource,
    scope: `${scope} offline_access`,
  });
  return token.save();
}

const client = await provider.Client.find(clientId);
const [resource] = algorithms.keys();
const tokens = await Promise.all(Array.from({ length: REFRESH_TOKENS }, () => makeRefreshToken(client, resource)));
writeFileSync(file, tokens.join('\n'));

provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
