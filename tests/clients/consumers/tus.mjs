// Sends a file by tus-js-client, and may kill the server in the middle of it.
//
//     node tus.mjs <address> <file> <storage> [<process to kill> <after so many bytes>]
//
// The addresses of uploads that are not complete are in <storage>, as they are in a browser's local storage.

import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { createRequire } from "node:module";

const tus = createRequire(import.meta.url)(process.env.MAINSTAY_TUS_JS_CLIENT);
const [address, file, storage, victim, after] = process.argv.slice(2);

let first;
const upload = new tus.Upload(createReadStream(file), {
  endpoint: `${address}/films`,
  chunkSize: 4 * 1024 * 1024,
  retryDelays: null,
  urlStorage: new tus.FileUrlStorage(storage),
  storeFingerprintForResuming: true,
  removeFingerprintOnSuccess: true,
  metadata: { filename: basename(file), filetype: "video/mp4" },
  onProgress(sent) {
    first ??= sent;
    if (victim && sent >= Number(after)) process.kill(Number(victim), "SIGKILL");
  },
  onError(error) {
    console.log(victim ? "interrupted" : `failed: ${error}`);
    process.exit(victim ? 0 : 1);
  },
  onSuccess({ lastResponse }) {
    console.log(`from ${first}; ${lastResponse.getBody()}`);
  },
});

const [previous] = await upload.findPreviousUploads();
if (previous) upload.resumeFromPreviousUpload(previous);
upload.start();
