// Compares each script of the dashboard with what the gateway sends of it: both must be the same program.
//
// node tools/same_program.mjs MODULES FOLDER SENT: TypeScript is in MODULES; every script in FOLDER has one in SENT.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [modules, folder, sent] = process.argv.slice(2);
const typescript = createRequire(join(resolve(modules), "here.js"))("typescript");

/** Returns the parts of a program, in order: neither blanks nor comments are among them. */
function partsOf(path) {
  const file = typescript.createSourceFile(path, readFileSync(path, "utf8"), typescript.ScriptTarget.Latest);
  const parts = [];
  const visit = (node) => {
    parts.push(typescript.SyntaxKind[node.kind]);
    typescript.forEachChild(node, visit);
    if (node.kind <= typescript.SyntaxKind.LastToken) parts.push(node.getText(file));
  };
  visit(file);
  return parts;
}

let failures = 0;
for (const name of readdirSync(folder, { recursive: true }).filter((file) => file.endsWith(".js"))) {
  const [ours, theirs] = [partsOf(join(folder, name)), partsOf(join(sent, name))];
  const at = ours.findIndex((part, index) => part !== theirs[index]);
  if (at < 0 && ours.length === theirs.length) continue;
  failures += 1;
  console.error(`${name}: sent as another program, at ${ours[at]}: ${theirs[at]}`);
}
process.exit(failures ? 1 : 0);
