// What became of the checks, as text and as docs/conformance.md. Nothing in it changes from run to run.
export function asText(tables) {
  const lines = [];
  for (const { title, results } of tables) {
    lines.push('', `${title}: ${count(results)}`);
    for (const { level, name, reason } of results) {
      lines.push(`  ${reason === undefined ? 'ok    ' : 'FAILED'} ${level.padEnd(6)} ${name}${reason === undefined ? '' : `\n         ${reason}`}`);
    }
  }
  return lines.join('\n');
}

// asMarkdown writes the page; pinned are the versions of packages of npm, modules those of Go's.
export function asMarkdown(tables, pinned, modules) {
  const list = (versions) => Object.entries(versions).sort().map(([name, version]) => `${name} ${version}`).join(', ');
  const lines = [
    '# Conformance',
    '',
    '<!-- Written by `make conformance`; do not edit. -->',
    '',
    '`make conformance` builds the program, starts it with data directories of its own, and asks it what is below. It ends',
    'with 1 when a check fails. It needs Node.js, and fetches with npm what `conformance/package-lock.json` and',
    '`conformance/schema/package-lock.json` pin:',
    ...wrapped(`${list(pinned)};`),
    'and with Go what `conformance/genqlient/go.mod` pins:',
    ...wrapped(`${list(modules)}.`),
    '',
    '| what | checks passed |',
    '|---|---|',
    ...tables.map(({ title, results }) => `| ${title} | ${count(results)} |`),
  ];
  for (const { title, about, results } of tables) {
    lines.push('', `## ${title}`, '', about, '', '| level | check | result |', '|---|---|---|');
    for (const { level, name, reason } of results) {
      lines.push(`| ${level} | ${escaped(name)} | ${reason === undefined ? 'ok' : `**failed**: ${escaped(reason)}`} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

// wrapped breaks a list into lines of at most 120 characters.
function wrapped(text) {
  return text.split(/(?<=,) /).reduce((lines, word) => {
    const longer = `${lines.at(-1)} ${word}`;
    if (longer.length <= 120) return [...lines.slice(0, -1), longer.trim()];
    return [...lines, word];
  }, ['']);
}

function count(results) {
  return `${results.filter(({ reason }) => reason === undefined).length} of ${results.length}`;
}

function escaped(text) {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*').replaceAll('<', '&lt;');
}
