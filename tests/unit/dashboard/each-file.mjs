// Runs test files, each in a thread with globals and modules of its own: a process for each takes three times as long.
//
//     node each-file.mjs FILE...
//
// Prints one object, with the exit code and the output of each file by its path.

import { Worker } from "node:worker_threads";

/** Runs one file to its end. */
function run(file) {
  return new Promise((resolve) => {
    const thread = new Worker(file, { stdout: true, stderr: true });
    let output = "";
    for (const stream of [thread.stdout, thread.stderr]) stream.on("data", (piece) => (output += piece));
    thread.on("error", (error) => (output += error.stack));
    thread.on("exit", (code) => setImmediate(() => resolve({ code, output })));
  });
}

const results = {};
for (const file of process.argv.slice(2)) results[file] = await run(file);
console.log(JSON.stringify(results));
