// What changed since the released schema and is not to be changed by accident: what breaks clients, and who may see it.
import { CriticalityLevel, diff } from '@graphql-inspector/core';
import { buildSchema, isInterfaceType, isObjectType } from 'graphql';
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

// changesOf returns a sentence for each such change between two schemas, in a steady order.
export async function changesOf(released, current) {
  const [before, after] = [buildSchema(released), buildSchema(current)];
  const all = await diff(before, after);
  const breaking = all.filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking);
  return [...new Set([...breaking.map(({ message }) => message), ...accessChanges(before, after)])].sort();
}

// accessChanges tells where the scope that is needed, or whether a field is personal, is another than it was. To those
// whom it opens a field it breaks nothing, and to the person behind the number everything.
function accessChanges(before, after) {
  const changes = [];
  const compare = (name, old, now) => {
    const [was, is] = [scopeOf(old), scopeOf(now)];
    if (was !== is) changes.push(`Access to '${name}' changed from ${was} to ${is}`);
    if (isPersonal(old) && !isPersonal(now)) changes.push(`'${name}' is no longer @personal`);
    if (!isPersonal(old) && isPersonal(now)) changes.push(`'${name}' became @personal`);
  };
  for (const [name, old] of Object.entries(before.getTypeMap())) {
    const now = after.getType(name);
    if (!hasFields(old) || !hasFields(now)) continue;
    compare(name, old, now);
    const fields = now.getFields();
    for (const [field, was] of Object.entries(old.getFields())) {
      if (fields[field]) compare(`${name}.${field}`, was, fields[field]);
    }
  }
  return changes;
}

function hasFields(type) {
  return isObjectType(type) || isInterfaceType(type);
}

function directive(definition, name) {
  return definition.astNode?.directives?.find((d) => d.name.value === name);
}

function scopeOf(definition) {
  const scope = directive(definition, 'access')?.arguments.find(({ name }) => name.value === 'scope');
  return scope?.value.value ?? 'none';
}

function isPersonal(definition) {
  return directive(definition, 'personal') !== undefined;
}

// faultsOfChanges returns what to say of the changes, given what is declared: [{change, reason}].
export function faultsOfChanges(changes, declared, declaredIn) {
  const faults = [];
  const known = new Set();
  for (const { change, reason } of declared) {
    if (known.has(change)) faults.push(`declared twice in ${declaredIn}: ${change}`);
    known.add(change);
    if (!changes.includes(change)) {
      faults.push(`declared in ${declaredIn}, but there is no such change, or no more; remove it: ${change}`);
    }
    if (typeof reason !== 'string' || reason.trim().length < 10) {
      faults.push(`declared in ${declaredIn} without a reason that would help a reader: ${change}`);
    }
  }
  for (const change of changes.filter((c) => !known.has(c))) {
    const entry = JSON.stringify({ change, reason: 'why, and what clients do instead' });
    faults.push(`not as released: ${change}\n    if that is meant, add to ${declaredIn}: ${entry}`);
  }
  return faults;
}

// faultsSinceRelease is the same for files.
export async function faultsSinceRelease(released, current, declared) {
  const [before, now, entries] = await Promise.all([released, current, declared].map((file) => readFile(file, 'utf8')));
  const root = fileURLToPath(new URL('../..', import.meta.url));
  return faultsOfChanges(await changesOf(before, now), JSON.parse(entries), relative(root, declared));
}
