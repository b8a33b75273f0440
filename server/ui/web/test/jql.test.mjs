// What the page knows of JQL and of numbers, without a browser.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { build } from 'esbuild'

async function load(name) {
  const made = await build({ entryPoints: [new URL(`../src/${name}`, import.meta.url).pathname], bundle: true, format: 'esm', write: false, target: 'es2022' })
  return import(`data:text/javascript,${encodeURIComponent(made.outputFiles[0].text)}`)
}

const jql = await load('jql.ts')
const numbers = await load('numbers.ts')

test('kinds of tokens', () => {
  const cases = {
    'age < 5': 'field operator number',
    'age<5 AND sex = female': 'field operator number keyword field operator value',
    'district IN (Mabiri, "New Town") OR NOT x IS EMPTY': 'field operator bracket value bracket string bracket keyword keyword field operator keyword',
    'date >= startOfMonth(-1) ORDER BY date DESC, age': 'field operator function bracket number bracket keyword keyword field keyword bracket field',
    'status WAS active DURING (2025-01-01, now()) AND status NOT IN (a)': 'field operator value keyword bracket value bracket function bracket bracket bracket keyword field keyword operator bracket value bracket',
    '"order" = "and"': 'field operator string',
    'order = 5': 'keyword operator number',
    'name ~ "x': 'field operator bad',
    'a != b && c !~ d || ! e = f': 'field operator value operator field operator value operator operator field operator value',
    'name = \u0928\u093e\u092e': 'field operator value',
  }
  for (const [text, want] of Object.entries(cases)) {
    assert.equal(jql.tokens(text).map((t) => t.kind).join(' '), want, text)
  }
})

test('tokens cover a text, whatever it is', () => {
  const letters = ['"', "'", '\\', '(', ')', ',', ' ', '\n', '=', '!', '<', 'a', 'or', 'not', 'in', 'order by', '😀', '٣', '{', '\0', '&', '|', '~', '[']
  let seed = 7
  for (let i = 0; i < 3000; i++) {
    let text = ''
    for (let n = 0; n < 12; n++) text += letters[(seed = (seed * 1103515245 + 12345) & 0x7fffffff) % letters.length]
    let at = 0
    for (const t of jql.tokens(text)) {
      assert.ok(t.from >= at && t.to > t.from && text.slice(at, t.from).trim() === '', JSON.stringify(text))
      at = t.to
    }
    assert.equal(text.slice(at).trim(), '')
    jql.ordering(text)
  }
})

test('an order is read and written', () => {
  const cases = [
    ['', [], [{ field: 'age', descending: false }], 'ORDER BY age'],
    ['a = "order by x"', [], [{ field: 'age', descending: true }], 'a = "order by x" ORDER BY age DESC'],
    ['a = 1 ORDER BY b DESC, "c d"', [{ field: 'b', descending: true }, { field: '"c d"', descending: false }], [], 'a = 1'],
    ['a = 1 order  by b', [{ field: 'b', descending: false }], [{ field: 'c', descending: false }], 'a = 1 ORDER BY c'],
    ['ORDER BY b ASC', [{ field: 'b', descending: false }], [], ''],
  ]
  for (const [text, sorts, next, want] of cases) {
    assert.deepEqual(jql.ordering(text).sorts, sorts, text)
    assert.equal(jql.ordered(text, next), want, text)
  }
})

test('names are quoted where they must be', () => {
  for (const plain of ['age', 'Data.status', 'blood_pressure.systolic', '\u0928\u093e\u092e']) assert.equal(jql.quote(plain), plain)
  for (const odd of ['order', 'and', 'Data.@timestamp', 'two words', '5', 'a"b']) {
    assert.equal(jql.quote(odd), JSON.stringify(odd))
    assert.equal(jql.bare(jql.quote(odd)), odd)
  }
})

test('an example fits the fields', () => {
  const of = (...fields) => jql.example(fields.map(([path, kind, personal = false]) => ({ path, kind, personal })))
  assert.equal(of(['_id', 'string'], ['name', 'text', true], ['age', 'int'], ['at', 'time'], ['weight', 'float']), 'age > 0 AND at >= startOfYear()')
  assert.equal(of(['_id', 'string'], ['two words', 'float']), '"two words" > 0')
  assert.equal(of(['Data.@timestamp', 'time']), '"Data.@timestamp" >= startOfYear()')
  assert.equal(of(['age', 'int', true], ['district', 'string']), 'district is not EMPTY')
  assert.equal(of(['name', 'text', true], ['_index', 'string']), '')
  assert.equal(of(), '')
})

test('places are counted in code points', () => {
  const text = 'a😀b'
  assert.equal(jql.units(text, 2), 3)
  assert.equal(jql.points(text, 3), 2)
  assert.equal(jql.units(text, 9), 4)
})

test('numbers are shown as they are written', () => {
  const got = numbers.exactly('{"a":38.0,"b":9007199254740993,"c":5,"d":"1.0 \\" 2","e":[1e3,-0,1.50],"f":{"1.0":1}}')
  assert.equal(String(got.a), '38.0')
  assert.equal(String(got.b), '9007199254740993')
  assert.equal(got.c, 5)
  assert.equal(got.d, '1.0 " 2')
  assert.deepEqual(got.e.map(String), ['1e3', '-0', '1.50'])
  assert.deepEqual(got.f, { '1.0': 1 })
  assert.equal(numbers.plain(got.e), '[\n  1e3,\n  -0,\n  1.50\n]')
})
