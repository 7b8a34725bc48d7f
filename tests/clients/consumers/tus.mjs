// Sends a file by tus-js-client, or goes on with it where it was interrupted.
//
//     node tus.mjs <address> <file> <storage>
//
// The addresses of uploads that are not complete are in <storage>, as they are in a browser's local storage.

import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { createRequire } from "node:module";

const tus = createRequire(import.meta.url)(process.env.MAINSTAY_TUS_JS_CLIENT);
const [address, file, storage] = process.argv.slice(2);

let first;
const upload = new tus.Upload(createReadStream(file), {
  endpoint: `${address}/films`,
  chunkSize: 32 * 1024 * 1024,
  retryDelays: null,
  urlStorage: new tus.FileUrlStorage(storage),
  storeFingerprintForResuming: true,
  removeFingerprintOnSuccess: true,
  metadata: { filename: basename(file), filetype: "video/mp4" },
  onProgress(sent) {
    first ??= sent;
  },
  onError(error) {
    console.log("interrupted");
    console.error(error);
  },
  onSuccess({ lastResponse }) {
    console.log(`from ${first}; ${lastResponse.getBody()}`);
  },
});

const [previous] = await upload.findPreviousUploads();
if (previous) upload.resumeFromPreviousUpload(previous);
upload.start();
