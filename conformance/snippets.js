// What docs/api/clients.md shows is text of files that the checks run. A block of the page is preceded by a comment that
// names its file and the mark that ends it there: <!-- clients/apollo.js: connect -->.
import { readFile, writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = new URL('.', import.meta.url);
const block = /(<!-- ((?:clients|genqlient)\/[a-z]+\.(js|go)): ([a-z]+) -->\n```\3\n)([\s\S]*?)(```\n)/g;

// faultsOfSnippets returns a line for each block of the page that is not what its file says.
export async function faultsOfSnippets(page) {
  const faults = [];
  const name = relative(fileURLToPath(new URL('..', here)), page);
  const text = await readFile(page, 'utf8');
  const blocks = [...text.matchAll(block)];
  if (blocks.length !== text.split(/```(?:js|go)\n/).length - 1) faults.push(`${name}: a block of code without a comment that names its file`);
  for (const [, , file, , mark, shown] of blocks) {
    if (shown !== (await snippet(file, mark))) faults.push(`${name} does not show ${file} up to "end of ${mark}": run make generate`);
  }
  return faults;
}

// writeSnippets makes the blocks of the page what their files say.
export async function writeSnippets(page) {
  const text = await readFile(page, 'utf8');
  const shown = new Map();
  for (const [, , file, , mark] of text.matchAll(block)) shown.set(`${file} ${mark}`, await snippet(file, mark));
  const replaced = text.replace(block, (_, head, file, __, mark, ___, tail) => head + shown.get(`${file} ${mark}`) + tail);
  if (replaced !== text) await writeFile(page, replaced);
}

// snippet returns what lies between the mark of that name and the one before, or the first line, which is about the file.
async function snippet(file, mark) {
  const text = await readFile(new URL(file, here), 'utf8');
  const end = text.indexOf(`// end of ${mark}\n`);
  if (end < 0) throw new Error(`${file} has no mark "end of ${mark}"`);
  const before = text.slice(0, end);
  const start = Math.max(before.lastIndexOf('// end of '), 0);
  return `${before.slice(before.indexOf('\n', start) + 1).trim()}\n`;
}
