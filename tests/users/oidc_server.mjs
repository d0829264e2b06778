// A real OpenID Connect provider (npm: oidc-provider) for one test. Who signs in is whoever is typed; the claims of each
// person are read anew from the file named by CLAIMS. It listens on a free port and prints its issuer.
// Environment: CLAIMS, REDIRECT, MODULES.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const { CLAIMS, REDIRECT, MODULES } = process.env;
const found = createRequire(`${MODULES}/`).resolve("oidc-provider");
const { default: Provider } = await import(pathToFileURL(found));
const all = () => JSON.parse(readFileSync(CLAIMS, "utf8"));

const server = createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: "zhiku", client_secret: "a-secret-of-the-test", redirect_uris: [REDIRECT] }],
  claims: {
    openid: ["sub"],
    email: ["email", "email_verified"],
    profile: ["name", "picture"],
    groups: ["groups"],
  },
  scopes: ["openid", "email", "profile", "groups"],
  conformIdTokenClaims: true,
  async findAccount(_context, id) {
    return { accountId: id, claims: async () => ({ sub: id, ...all()[id] }) };
  },
});
server.on("request", provider.callback());
console.log(issuer);
