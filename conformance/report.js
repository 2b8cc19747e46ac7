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

export function asMarkdown(tables, dependencies) {
  const versions = Object.entries(dependencies).map(([name, version]) => `${name} ${version}`);
  const lines = [
    '# Conformance',
    '',
    '<!-- Written by `make conformance`; do not edit. -->',
    '',
    '`make conformance` builds the program, starts it with a data directory of its own, and asks it what is below. It ends',
    'with 1 when a check fails. It needs Node.js, and fetches with npm what `conformance/package-lock.json` pins:',
    `${versions.join(', ')}.`,
    '',
    '| document | checks passed |',
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

function count(results) {
  return `${results.filter(({ reason }) => reason === undefined).length} of ${results.length}`;
}

function escaped(text) {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*').replaceAll('<', '&lt;');
}
