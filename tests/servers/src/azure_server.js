// A server that speaks Azure Blob Storage, with one account and one container in it. Whoever else comes is refused.
"use strict";

const crypto = require("crypto");
const fs = require("fs");
const http = require("http");

const [, , main, folder, port] = process.argv;
const NAME = "mainstay";
const key = crypto.randomBytes(64).toString("base64");

process.env.AZURITE_ACCOUNTS = `${NAME}:${key}`;
process.argv = [
  process.argv[0], main, "--blobHost", "127.0.0.1", "--blobPort", port,
  "--inMemoryPersistence", "--silent", "--disableTelemetry",
];
require(main);

// https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
function makeContainer(done) {
  const date = new Date().toUTCString();
  const headers = { "x-ms-date": date, "x-ms-version": "2023-11-03" };
  const said = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`).join("");
  const text = `PUT${"\n".repeat(12)}${said}/${NAME}/${NAME}/${NAME}\nrestype:container`;
  const signature = crypto.createHmac("sha256", Buffer.from(key, "base64")).update(text).digest("base64");
  headers.authorization = `SharedKey ${NAME}:${signature}`;
  headers["content-length"] = "0";
  const path = `/${NAME}/${NAME}?restype=container`;
  const request = http.request({ host: "127.0.0.1", port, path, method: "PUT", headers }, (answer) => {
    answer.resume();
    done(answer.statusCode);
  });
  request.on("error", () => setTimeout(() => makeContainer(done), 50));
  request.end();
}

// For whoever may do everything in the container, and has no key of the account.
// https://learn.microsoft.com/rest/api/storageservices/create-service-sas
function share() {
  const [version, permissions, until] = ["2023-11-03", "racwdl", "2100-01-01T00:00:00Z"];
  const fields = [permissions, "", until, `/blob/${NAME}/${NAME}`, "", "", "", version, "c", "", "", "", "", "", "", ""];
  const signature = crypto.createHmac("sha256", Buffer.from(key, "base64")).update(fields.join("\n")).digest("base64");
  return new URLSearchParams({ sv: version, sr: "c", sp: permissions, se: until, sig: signature }).toString();
}

makeContainer((status) => {
  if (status !== 201) throw new Error(`the container was not made: ${status}`);
  fs.writeFileSync(`${folder}/share`, share());
  fs.writeFileSync(`${folder}/ready.new`, key);
  fs.renameSync(`${folder}/ready.new`, `${folder}/ready`);
});
