// Records what the reference JQL parser says about queries.
//
// Reads one query per line from standard input (a JSON string, or an object
// {"q": query, "c": category}) and writes one JSON line per query to standard
// output. See README.md for the format. Needs @atlaskit/jql-ast and
// antlr4ts to be resolvable from the directory this file is run in.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const require = createRequire(join(process.cwd(), 'anchor.js'));
const { JastBuilder } = require('@atlaskit/jql-ast');
const { ConsoleErrorListener } = require('antlr4ts');

// The lexer reports to the console by default; the reference never looks.
let lexErrors = [];
ConsoleErrorListener.INSTANCE.syntaxError = (_r, _o, line, col) => lexErrors.push([line, col]);

const put = (o, k, v) => { if (v !== undefined && v !== null) o[k] = v; return o; };

const leaf = (n) => ({ t: n.text, v: n.value, pos: n.position });

function field(f) {
  const o = { t: f.text };
  put(o, 'v', f.value);
  o.props = (f.properties || []).map((p) => ({
    key: leaf(p.key), path: p.path.map(leaf), pos: p.position,
  }));
  o.pos = f.position;
  return o;
}

function operand(o) {
  switch (o.operandType) {
    case 'value': return { k: 'value', t: o.text, v: o.value, pos: o.position };
    case 'keyword': return { k: 'empty', pos: o.position };
    case 'function':
      return { k: 'func', name: leaf(o.function), args: o.arguments.map(leaf), pos: o.position };
    case 'list': return { k: 'list', items: o.values.map(operand), pos: o.position };
  }
  throw new Error('unknown operand ' + o.operandType);
}

function node(n) {
  switch (n.clauseType) {
    case 'compound':
      return { k: n.operator.value, ops: n.operator.positions, c: n.clauses.map(node), pos: n.position };
    case 'not':
      return { k: 'not', op: n.operator.position, c: [node(n.clause)], pos: n.position };
    case 'terminal': {
      const o = { k: 'clause', field: field(n.field), op: leaf(n.operator) };
      if (n.operand) o.rhs = operand(n.operand);
      o.preds = n.predicates.map((p) => ({
        t: p.operator.text, v: p.operator.value, op: p.operator.position,
        rhs: operand(p.operand), pos: p.position,
      }));
      o.pos = n.position;
      return o;
    }
  }
  throw new Error('unknown clause ' + n.clauseType);
}

export function normalize(q) {
  const o = { where: q.where ? node(q.where) : null };
  if (q.orderBy) {
    o.order = q.orderBy.fields.map((f) => {
      const s = { field: field(f.field) };
      if (f.direction) { s.dir = f.direction.value; s.dirPos = f.direction.position; }
      s.pos = f.position;
      return s;
    });
    o.orderOp = q.orderBy.operator.position;
    o.orderPos = q.orderBy.position;
  }
  o.pos = q.position;
  return o;
}

// ask runs the reference once. A fresh builder each time: builders remember
// the last text together with its already consumed token stream.
export function ask(q) {
  const seen = [];
  lexErrors = [];
  const jast = new JastBuilder()
    .setErrorListeners([{
      syntaxError: (_r, tok, line, col) => seen.push({
        start: tok.startIndex, stop: tok.stopIndex + 1, line, col,
      }),
    }])
    .build(q);
  const out = { q, ok: jast.errors.length === 0 };
  if (lexErrors.length) out.lex = lexErrors;
  if (out.ok) {
    out.ast = normalize(jast.query);
    return out;
  }
  // err is the leftmost error; listed is the first in the order of the list.
  const err = seen.reduce((m, e) => (m === null || e.start < m.start ? e : m), null);
  out.err = err;
  const first = seen[0];
  if (first && (first.start !== err.start || first.stop !== err.stop)) out.listed = first;
  // The tree builder gave up: the list then holds one error with no position.
  if (jast.errors.some((e) => e.start === undefined)) out.threw = true;
  return out;
}

async function main() {
  const rl = createInterface({ input: process.stdin, crlfDelay: Infinity });
  for await (const line of rl) {
    if (line === '') continue;
    const v = JSON.parse(line);
    const r = ask(typeof v === 'string' ? v : v.q);
    if (typeof v === 'object' && v.c) r.c = v.c;
    if (!process.stdout.write(JSON.stringify(r) + '\n')) {
      await new Promise((res) => process.stdout.once('drain', res));
    }
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
