// Writes test queries, one JSON object {"q","c"} per line, seeded and
// deterministic. Usage: node generate.mjs [seed] [scale] [categories,...]
// Scale 1 gives the recorded corpus; a larger scale gives more random cases.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const seed = Number(process.argv[2] || 1);
const scale = Number(process.argv[3] || 1);
const only = process.argv[4] ? new Set(process.argv[4].split(',')) : null;

let state = (seed * 2654435761) >>> 0 || 1;
function rnd() { // xorshift32
  state ^= state << 13; state >>>= 0;
  state ^= state >>> 17;
  state ^= state << 5; state >>>= 0;
  return state / 4294967296;
}
for (let i = 0; i < 20; i++) rnd();
const int = (n) => Math.floor(rnd() * n);
const pick = (a) => a[int(a.length)];
const chance = (p) => rnd() < p;
const many = (min, p, max, f) => {
  const out = [];
  while (out.length < min || (out.length < max && chance(p))) out.push(f());
  return out;
};

const done = new Set();
const lines = [];
function emit(c, q) {
  if (only && !only.has(c)) return;
  if (done.has(q) || !q.isWellFormed()) return;
  done.add(q);
  lines.push(JSON.stringify({ q, c }));
}

// ---- words ----
const keywords = ('in is and or not empty null was changed before after from to on during order by asc desc cf').split(' ');
const reserved = (`abort access add alias alter any as audit avg begin between boolean break byte catch char character check checkpoint collate
 collation column commit connect continue count create current date decimal declare decrement default defaults define delete delimiter
 difference distinct divide do double drop else encoding end equals escape exclusive exec execute exists explain false fetch field file
 first float for function go goto grant greater group having identified if immediate increment index initial inner inout input insert int
 integer intersect intersection into isempty isnull join last left less like limit lock long max min minus mode modify modulo more multiply
 next noaudit notin nowait number object of option outer output power previous prior privileges public raise raw remainder rename resource
 return returns revoke right row rowid rownum rows select session set share size sqrt start strict string subtract sum synonym table then
 trans transaction trigger true uid union unique update user validate values view when whenever where while with`).split(/\s+/);
const words = keywords.concat(reserved);
if (words.length !== 179) throw new Error('words ' + words.length);
// Words near the lists which are ordinary strings.
const near = ['android', 'order_id', 'not-in', 'all', 'notx', 'inn', 'xin', 'a', 'are', 'the', 'with.', '.in', 'in.', 'is:', 'orderby', 'cf5', 'cf.5',
  'emptyy', 'nul', '-in', 'in-', 'bye', 'asc1', '1asc', 'descending', 'Ünder', 'ıs', 'ıN', 'İn', 'dateſ', 'iſ', 'aſc', 'waſ', 'İS', 'ORDERK', 'BYK', 'checK'];
const recase = (w) => {
  switch (int(4)) {
    case 0: return w.toUpperCase();
    case 1: return w[0].toUpperCase() + w.slice(1);
    case 2: return [...w].map((c) => (chance(0.5) ? c.toUpperCase() : c)).join('');
  }
  return w;
};
const kw = (w) => (chance(0.35) ? recase(w) : w);

// ---- tokens of a valid query ----
const blank = () => pick([' ', ' ', ' ', ' ', ' ', '  ', '\t', '\n', '\r\n', '\r', ' \t ', '\n\n ']);
const escs = ['\\t', '\\n', '\\r', '\\"', "\\'", '\\\\', '\\ ', '\\u0041', '\\uFFFF', '\\u0000', '\\ud83d', '\\u00e9', '\\u0020', '\\uABCD', '\\uabcd'];
const plain = ['age', 'name', 'status', 'patient.address.district', 'issue.property', 'J45.909', '2024-01-31', '-7d', 'a:b', '10:30', 'PB-001', '1.5', '--1', '12a',
  '`x`', '_', '-', '.', ':', '-1-', 'é', 'дата', '日本語', '𝒳', '😀', 'a😀b', 'x\u00a0y', '\ufeffbom', '\u2028', '\u3000', '\u00a0', '\ue000', '\ufdcf', '\ufdf0', '\ufffd',
  '\u{1fffe}', '\u{10ffff}', '\u200b', '\u0301', 'a\u0301', '0x1F', '1e5', '+'.slice(1) + 'z', 'now', 'membersOf', '٣', '१२', '１', '-٣', '..', '...c', 'a..b', '-a', 'a-', '-.5', '1-', '1_000'];
const q2 = ['', ' ', 'x', 'Date of birth', 'Severity[Dropdown]', "don't", '2024/01/31', '$x{}*/%+^#@?;', 'a\nb', 'a\r\nb', '(,)[]=!~<>&|', 'é 😀', '\\u0041\\t', '\\"', "\\'", '\\\\', 'a\\ b', '\u00a0', 'in', 'order by', '5', '-5', 'cf[5]', "''", 'a\\n', '\u0301', '\ufffd', '\u{1fffe}'];
const bare = () => {
  if (chance(0.75)) return pick(plain);
  return many(1, 0.6, 6, () => (chance(0.4) ? pick(escs) : pick(['a', 'b', 'é', '😀', '.', '-', ':', '1', 'x', 'in', '`']))).join('') || 'a';
};
const isNumber = (t) => /^-?[0-9]+$/.test(t);
const isWord = (t) => words.includes(t.toLowerCase());
const quoted = () => {
  if (chance(0.5)) {
    const s = pick(q2);
    return '"' + s + '"';
  }
  if (chance(0.5)) {
    const s = pick(q2).replace(/'/g, '"').replace(/\\"/g, "\\'").replace(/(^|[^\\])"/g, '$1x');
    return "'" + s + "'";
  }
  const q = chance(0.5) ? '"' : "'";
  return q + many(0, 0.7, 8, () => (chance(0.3) ? pick(escs) : pick(['a', ' ', 'é', '😀', '/', '$', '=', '\n', '\r', '(', 'not', q === '"' ? "'" : '"', '@', '{', '\u00a0']))).join('') + q;
};
const str = () => {
  for (;;) {
    const t = chance(0.35) ? quoted() : bare();
    if (!isNumber(t) && !isWord(t)) return t;
  }
};
const num = () => pick(['0', '1', '5', '42', '007', '-1', '-0', '-12', '10021', '99999999999999999999', '-9223372036854775809']);
const strnum = () => (chance(0.25) ? num() : str());

// ---- grammar ----  every production yields a list of tokens
const op = (...t) => t;
const posnum = () => pick(['0', '1', '5', '0005', '10021', '99999999999999999999']);
const prop = () => ['[', strnum(), ']', ...many(0, 0.35, 3, () => (chance(0.5) ? pick(['.c', '.c.d', '.', '.a']) : strnum()))];
function field() {
  const r = rnd();
  if (r < 0.08) return [num()];
  const base = r < 0.2 ? [kw('cf'), '[', posnum(), ']'] : [chance(0.6) ? pick(['age', 'status', 'a', 'b', 'x.y']) : str()];
  return base.concat(chance(0.15) ? many(1, 0.3, 3, prop).flat() : []);
}
const empty = () => [kw(pick(['empty', 'null']))];
const value = () => [strnum()];
const func = () => {
  const args = many(0, 0.5, 4, strnum);
  return [chance(0.6) ? pick(['now', 'f', 'currentUser', 'startOfDay', 'membersOf']) : strnum(), '(', ...args.flatMap((a, i) => (i ? [',', a] : [a])), ')'];
};
const list = (d = 0) => {
  const items = many(1, 0.5, 4, () => operand(d + 1));
  return ['(', ...items.flatMap((a, i) => (i ? [',', ...a] : a)), ')'];
};
function operand(d = 0) {
  const r = rnd();
  if (r < 0.15) return empty();
  if (r < 0.65) return value();
  if (r < 0.8 || d > 4) return func();
  return list(d);
}
const wasOps = ['after', 'before', 'on', 'during', 'by'];
const pred = (ops) => [kw(pick(ops)), ...operand()];
const wasPreds = () => many(0, 0.45, 4, () => pred(wasOps)).flat();
const chgPreds = () => many(0, 0.55, 4, () => pred(wasOps.concat('from', 'to'))).flat();
const not = () => (chance(0.4) ? [kw('not')] : []);
const evf = () => pick([empty, value, value, func])();
const lf = () => pick([list, list, func])();
function rhs() {
  switch (int(10)) {
    case 0: case 1: return op(pick(['=', '!=']), ...evf());
    case 2: return op(pick(['~', '!~']), ...evf());
    case 3: return op(pick(['<', '>', '<=', '>=']), ...pick([value, value, func])());
    case 4: case 5: return [...not(), kw('in'), ...lf()];
    case 6: return [kw('is'), ...not(), ...empty()];
    case 7: return [kw('was'), ...not(), ...evf(), ...wasPreds()];
    case 8: return [kw('was'), ...not(), kw('in'), ...lf(), ...wasPreds()];
  }
  return [kw('changed'), ...chgPreds()];
}
const clause = () => [...field(), ...rhs()];
const notClause = (d) => {
  const r = rnd();
  if (r < 0.15) return [chance(0.5) ? '!' : kw('not'), ...notClause(d)];
  if (r < 0.3 && d < 4) return ['(', ...orClause(d + 1), ')'];
  return clause();
};
const joinBy = (parts, ops) => parts.flatMap((p, i) => (i ? [ops(), ...p] : p));
const andClause = (d) => joinBy(many(1, d ? 0.3 : 0.35, 4, () => notClause(d)), () => pick([kw('and'), kw('and'), '&', '&&']));
const orClause = (d) => joinBy(many(1, 0.3, 4, () => andClause(d)), () => pick([kw('or'), kw('or'), '|', '||']));
const sort = () => [...field(), ...pick([[], [kw('asc')], [kw('desc')]])];
const orderBy = () => [kw('order'), kw('by'), ...joinBy(many(1, 0.4, 3, sort), () => ',')];
const query = () => {
  const r = rnd();
  if (r < 0.05) return orderBy();
  return [...orClause(0), ...(chance(0.25) ? orderBy() : [])];
};

// ---- printing tokens with blanks ----
const wordy = (t) => /^["']/.test(t) || !/^[=!<>~()[\],&|]+$/.test(t);
const quoteEnd = (t) => /["']$/.test(t) && /^["']/.test(t);
function needBlank(a, b) {
  if (wordy(a) && wordy(b)) return !(quoteEnd(a) || /^["']/.test(b));
  return /^[=!<>~&|]/.test(a) && /^[=!<>~&|]/.test(b);
}
function print(tokens, style = int(4)) {
  let s = style && chance(0.15) ? blank() : '';
  tokens.forEach((t, i) => {
    if (i) {
      const must = needBlank(tokens[i - 1], t);
      const want = [false, chance(0.15), wordy(t) || wordy(tokens[i - 1]) ? chance(0.6) : chance(0.2), true][style];
      if (must || want) s += style === 3 || style === 1 ? blank() : ' ';
    }
    s += t;
  });
  return s + (style && chance(0.15) ? blank() : '');
}

// ---- (a) examples ----
for (const line of readFileSync(join(here, 'examples.jsonl'), 'utf8').split('\n')) if (line) emit('example', JSON.parse(line).q);

// ---- (b) valid ----
const valid = [];
while (valid.length < 3500 * scale) {
  const t = query();
  const s = print(t);
  if (s.length > 300) continue;
  valid.push(t);
  emit('valid', s);
}
for (let i = 0; i < 60 * scale; i++) emit('valid', print(query()));

// ---- (c) mutations ----
const odd = ['\u00a0', '\ufeff', '\f', '\v', '\0', '\u0085', '\ufdd0', '\ufdef', '\ufffe', '\uffff', '\u007f', '\u009f', '\u0001', '\u001f', '\u2028', '😀', '\u{1ffff}', '"', "'",
  '\\', '\\q', '\\u12g', '\\u', '\\u12', '"\\q"', "'\\q'", '"\t"', '"\\', '"\0"', '"\\u00', '""', "''", '\\u0041', '\\ ', '\\\n', '"\ufdd0', "'\u0085'", '"x', "'x"];
const extra = ['=', '!=', '~', '!~', '<', '>', '<=', '>=', '(', ')', ',', '[', ']', '!', '&', '&&', '|', '||', 'a', '1', '-2', '"s"', "'t'", 'date', 'user', '@', '$', '\\q', '"x', ...keywords];
for (let i = 0; i < 3600 * scale; i++) {
  const t = [...pick(valid)];
  const n = chance(0.8) ? 1 : 2;
  for (let k = 0; k < n; k++) {
    const at = int(t.length);
    switch (int(6)) {
      case 0: t.splice(at, 1); break;
      case 1: t.splice(at, 0, t[at]); break;
      case 2: { const b = int(t.length); [t[at], t[b]] = [t[b], t[at]]; break; }
      case 3: t.splice(at, 1, pick(extra)); break;
      default: t.splice(int(t.length + 1), 0, pick(extra));
    }
    if (!t.length) t.push('a');
  }
  emit('mutant', print(t, pick([1, 2, 2, 2, 3])));
}
const bases = [
  'a = b', 'a != "s" and b in (1, x)', "a not in ('q', f(1,\"z\")) or b is not empty", 'a was not in (b) before now() by x', 'a changed from x to y during (1,2)',
  'cf[5] = 1 order by a desc, cf[7]', 'p["k"].c ~ \'v\' && !(x >= 3 || y < -4)', 'not a is null', 'a = \\u0041b\\ c', 'a="\\t\\u00e9"', "a ='x y' order by b asc", 'a in ((1),(2,(3)))',
];
for (const b of bases) {
  const cs = [...b];
  for (let i = 0; i <= cs.length; i++) {
    emit('truncated', cs.slice(0, i).join(''));
    emit('truncated', cs.slice(i).join(''));
  }
}
for (let i = 0; i < 700 * scale; i++) {
  const cs = [...print(pick(valid))];
  emit('truncated', cs.slice(0, int(cs.length + 1)).join(''));
}
const insBases = ['a = b', 'ab in ("s", 12)', "p[k].c !~ 'v w' or x >= 3"];
for (const b of insBases) {
  const cs = [...b];
  for (let i = 0; i <= cs.length; i++) {
    if (b === insBases[0]) for (let c = 0; c < 0x80; c++) emit('inserted', cs.slice(0, i).join('') + String.fromCharCode(c) + cs.slice(i).join(''));
    for (const o of odd) emit('inserted', cs.slice(0, i).join('') + o + cs.slice(i).join(''));
  }
}
for (let c = 0; c < 0x120; c++) {
  const ch = String.fromCodePoint(c);
  for (const w of [(x) => x, (x) => 'a' + x + 'b = 1', (x) => '"a' + x + 'b" = 1', (x) => "a = 'a" + x + "b'", (x) => 'a = \\' + x, (x) => 'a = "\\' + x + '"', (x) => 'a =' + x, (x) => 'a in (1' + x + ')']) {
    if (c < 0x80 || w('') === 'ab = 1' || c % 32 < 3) emit('inserted', w(ch));
  }
}
for (const b of [0xfdcf, 0xfdd0, 0xfde0, 0xfdef, 0xfdf0, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x1fffe, 0x1ffff, 0x10fffe, 0x10ffff, 0x2000, 0x2003, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff, 0x180e, 0x1680, 0xd7ff, 0xe000]) {
  const ch = String.fromCodePoint(b);
  for (const q of [ch, 'a' + ch + ' = 1', '"' + ch + '" = 1', "'" + ch + "' = 1", 'a = ' + ch, 'a = b' + ch + 'c', 'a =' + ch + '1', 'a in' + ch + '(1)', ch + 'a = 1', 'a = 1' + ch, '\\' + ch, '"\\' + ch + '"']) emit('inserted', q);
}
for (let i = 0; i < 1500 * scale; i++) {
  const cs = [...print(pick(valid))];
  if (chance(0.5)) cs.splice(int(cs.length + 1), 0, pick(odd));
  else if (chance(0.5)) cs.splice(int(cs.length + 1), 0, String.fromCharCode(int(128)));
  else cs.splice(int(cs.length), 1);
  emit('inserted', cs.join(''));
}
// escapes, quotes and lexer errors after and before parser errors
const frag = ['\\', '\\\\', '\\q', '\\u', '\\u1', '\\u12', '\\u123', '\\u1234', '\\uD83D\\uDE00', '\\"', "\\'", '\\ ', '\\t', '\\T', '\\N', '\\b', '\\x41', '\\U0041', '\\\t', '\\\n', '"', "'", '"\\', "'\\", 'a', ' ', '\t', '\n', '1', '-', '@', '=', '\0', '\ufdd0', '"a"', "'b'", 'é', '😀', '$', 'in', '('];
for (let i = 0; i < 1500 * scale; i++) emit('escape', pick(['', 'a = ', 'a in (', 'a b ', 'a = f(', 'p[', 'order by ', '"', "'"]) + many(1, 0.7, 7, () => pick(frag)).join(''));

// ---- (d) words ----
const roles = [(w) => `${w} = 1`, (w) => `a = ${w}`, (w) => `a = ${w}()`, (w) => `a = f(${w})`, (w) => `order by ${w}`];
const moreRoles = [(w) => `a in (${w})`, (w) => `a in (1, ${w}, 2)`, (w) => `p[${w}] = 1`, (w) => `p[k]${w} = 1`, (w) => `a ${w} 1`, (w) => `a ${w} empty`, (w) => `a = 1 ${w} b = 2`, (w) => `a was ${w}`, (w) => `a was x by ${w}`, (w) => `a changed ${w}`,
  (w) => `a changed ${w} 1`, (w) => `a ${w} (1)`, (w) => `order ${w} a`, (w) => `a = b order by a ${w}`, (w) => `${w}[5] = 1`, (w) => `"${w}" = '${w}'`, (w) => `${w}`, (w) => `${w} a = 1`, (w) => `cf[${w}] = 1`];
words.forEach((w, i) => {
  for (const r of roles) emit('word', r(w));
  if (i % 12 === 0 || i < 20) for (const v of [w.toUpperCase(), w[0].toUpperCase() + w.slice(1), w.slice(0, -1) + w.slice(-1).toUpperCase()]) for (const r of roles) emit('word', r(v));
  if (i < 20) for (const r of moreRoles) emit('word', r(w));
  emit('word', `${w}x = x${w}`); emit('word', `a = ${[...w].map((c, k) => (k ? c : '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'))).join('')}`);
});
for (const w of near) for (const r of roles.concat(moreRoles)) emit('word', r(w));

// ---- (e) short token sequences ----
const alpha = ['a', '1', '"s"', '=', '!=', '~', '<', '(', ')', ',', '[', ']', 'and', 'or', 'not', '!', 'in', 'is', 'was', 'changed', 'empty', 'null', 'before', 'by', 'from', 'order', 'asc', 'cf', 'date'];
for (const a of alpha) emit('short', a);
for (const a of alpha) for (const b of alpha) emit('short', `${a} ${b}`);
// Most words in first place end the matter; a sample of those is enough.
const starts = new Set(['a', '1', '"s"', '(', 'not', '!', 'order', 'cf']);
for (const a of alpha) for (const b of alpha) for (const c of alpha) if (starts.has(a) || (scale === 1 ? chance(0.1) : true)) emit('short', `${a} ${b} ${c}`);
const wide = alpha.concat('!~', '>', '>=', '<=', '&&', '||', '&', '|', 'to', 'on', 'after', 'during', 'desc', '-5', "'t'", 'b', 'f', 'in', '(', ')', ',', '@', '"x');
for (let i = 0; i < 2500 * scale; i++) emit('short', many(4, 0.5, 5, () => pick(wide)).join(' '));

// ---- (f) a valid beginning and then any token: what may follow what ----
const seen = new Set();
for (let i = 0; i < 4000 * scale; i++) {
  const t = pick(valid);
  const n = 1 + int(Math.min(t.length, 14));
  const p = t.slice(0, n);
  const rest = chance(0.4) ? t.slice(n) : many(0, 0.4, 3, () => pick(wide));
  emit('follow', print([...p, pick(wide), ...rest], 2));
}

let out = lines.join('\n') + '\n';
process.stdout.write(out);
