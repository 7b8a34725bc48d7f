// An issuer by `oidc-provider`, for tests: `node issuer.mjs <library> <origin of the application>…`.
//
// It says on its standard output at which port it is, and ends with its standard input. Whoever comes is signed in as `/as/<subject>` last
// said, without being asked; `/as/nobody` declines. One of its clients is treated as Apple treats all: its secret is a token by the key
// at `/key`, and is checked by `jose`.

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [library, ...origins] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(library));
const { jwtVerify } = await import(pathToFileURL(createRequire(library).resolve("jose")));

process.stdin.resume();
process.stdin.on("end", () => process.exit());

const key = (kind, options, alg) => {
  const { privateKey } = generateKeyPairSync(kind, options);
  return { ...privateKey.export({ format: "jwk" }), use: "sig", alg, kid: `key for ${alg}` };
};
const keys = [
  key("rsa", { modulusLength: 2048 }, "RS256"),
  key("rsa", { modulusLength: 2048 }, "PS256"),
  key("ec", { namedCurve: "P-256" }, "ES256"),
  key("ed25519", {}, "EdDSA"),
];

const client = (name, alg, more) => ({
  client_id: name,
  client_secret: "the secret of the shop: +&%",
  grant_types: ["authorization_code", "refresh_token"],
  redirect_uris: origins.map((origin) => `${origin}/account/login/company/callback`),
  post_logout_redirect_uris: origins.map((origin) => `${origin}/account/login`),
  id_token_signed_response_alg: alg,
  ...more,
});

const known = generateKeyPairSync("ec", { namedCurve: "P-256" });
const HALF_A_YEAR = 15777000;

const server = createServer().listen(0, "127.0.0.1", () => {
  const { port } = server.address();
  const provider = new Provider(`http://127.0.0.1:${port}`, {
    clients: [
      client("rs256", "RS256"),
      client("ps256", "PS256", { token_endpoint_auth_method: "client_secret_post" }),
      client("es256", "ES256"),
      client("eddsa", "EdDSA", { token_endpoint_auth_method: "none", client_secret: undefined }),
      client("apple", "RS256", { token_endpoint_auth_method: "client_secret_post" }),
    ],
    jwks: { keys },
    enabledJWA: { idTokenSigningAlgValues: ["RS256", "PS256", "ES256", "EdDSA"] },
    cookies: { keys: ["a key for cookies"] },
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: true } },
    ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 3600, IdToken: 3600, Interaction: 60, RefreshToken: 3600, Session: 3600 },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: true, name: id }),
    }),
  });
  const compare = provider.Client.prototype.compareClientSecret;
  provider.Client.prototype.compareClientSecret = async function (secret) {
    if (this.clientId !== "apple") return compare.call(this, secret);
    const expected = { algorithms: ["ES256"], issuer: "TEAM123456", subject: "apple", audience: provider.issuer, maxTokenAge: HALF_A_YEAR };
    try {
      return (await jwtVerify(secret, known.publicKey, expected)).protectedHeader.kid === "KEY1234567";
    } catch {
      return false;
    }
  };
  let who = "ann";
  const interact = async (request, response) => {
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    const result = async () => {
      if (who === "nobody") return { error: "access_denied", error_description: "somebody has changed their mind" };
      if (prompt.name === "login") return { login: { accountId: who } };
      const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
      grant.addOIDCScope(params.scope);
      return { consent: { grantId: await grant.save() } };
    };
    await provider.interactionFinished(request, response, await result(), { mergeWithLastSubmission: false });
  };
  const callback = provider.callback();
  server.on("request", (request, response) => {
    if (request.url.startsWith("/as/")) {
      who = request.url.slice(4);
      response.end();
    } else if (request.url === "/key") {
      response.end(known.privateKey.export({ type: "pkcs8", format: "pem" }));
    } else if (request.url.startsWith("/interaction/")) {
      interact(request, response).catch((error) => {
        console.error(error);
        response.writeHead(500).end(String(error));
      });
    } else {
      callback(request, response);
    }
  });
  console.log(port);
});
