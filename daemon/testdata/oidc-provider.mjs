// An authorization server that shares no code with oauthd, and demands DPoP with nonces: node oidc-provider.mjs MODULE, where
// MODULE is the main file of npm's oidc-provider. It prints its issuer, then a line of JSON for each token request: its grant,
// "probe" if its refresh token is none, and the error, or null. It ends when its standard input does.
import http from "node:http";
import { pathToFileURL } from "node:url";

const { Provider } = await import(pathToFileURL(process.argv[2]));
let answer;
const server = http.createServer((req, res) => answer(req, res));
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const provider = new Provider(`http://127.0.0.1:${server.address().port}`, {
  clients: [
    {
      client_id: "app",
      application_type: "native",
      token_endpoint_auth_method: "none",
      redirect_uris: ["http://127.0.0.1/callback"],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      dpop_bound_access_tokens: true,
    },
    {
      client_id: "robot",
      client_secret: "cs-hunter2-planted",
      redirect_uris: [],
      grant_types: ["client_credentials"],
      response_types: [],
      dpop_bound_access_tokens: true,
    },
  ],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => true },
    revocation: { enabled: true },
  },
  claims: { openid: ["sub"], email: ["email"] },
  scopes: ["openid", "email"],
  cookies: { keys: ["only for this test"] },
  rotateRefreshToken: true,
  issueRefreshToken: () => true,
  expiresWithSession: () => false,
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, email: `${sub}@example.com` }) }),
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
  async loadExistingGrant(ctx) {
    const grant = new provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope("openid email");
    await grant.save();
    return grant;
  },
});

const tell = (error) => (ctx, failure) => {
  const { grant_type, refresh_token } = ctx.oidc.params ?? {};
  console.log(JSON.stringify({ grant: grant_type, probe: refresh_token === "none", error: error ? failure.error : null }));
};
provider.on("grant.success", tell(false));
provider.on("grant.error", tell(true));

const callback = provider.callback();
answer = (req, res) =>
  req.url.startsWith("/interaction/")
    ? provider.interactionFinished(req, res, { login: { accountId: "ada" }, consent: {} }) // whoever comes is Ada, and agrees
    : callback(req, res);
console.log(provider.issuer);
process.stdin.on("end", () => process.exit()).resume();
