// What the page knows of lists and of instants, without a browser.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { build } from 'esbuild'

// The modules look at the browser when they are loaded.
const store = { getItem: () => null, setItem: () => {} }
Object.assign(globalThis, { document: { documentElement: { dataset: { base: '/' } } }, location: { origin: 'http://here', pathname: '/' }, sessionStorage: store, localStorage: store })

async function load(name) {
  const locales = { name: 'locales', setup: (b) => {
    b.onResolve({ filter: /^locales:all$/ }, () => ({ path: 'all', namespace: 'locales' }))
    b.onLoad({ filter: /.*/, namespace: 'locales' }, () => ({ contents: 'export default []', loader: 'js' }))
  } }
  const entry = new URL(`../src/${name}`, import.meta.url).pathname
  const made = await build({ entryPoints: [entry], bundle: true, format: 'esm', write: false, target: 'es2022', plugins: [locales] })
  return import(`data:text/javascript,${encodeURIComponent(made.outputFiles[0].text)}`)
}

const { many } = await load('lists.ts')
const { instantIn } = await load('session.ts')

// serve answers as a list of so many things does, by offsets or by tokens, and keeps what it was asked.
function serve(total, tokens) {
  const asked = []
  globalThis.fetch = async (url) => {
    const q = url.searchParams
    asked.push(q.toString())
    const at = Number(q.get('page_token') ?? q.get('start_at') ?? 0)
    const most = Number(q.get('max_results'))
    assert.ok(most >= 1 && most <= 1000, 'as many as a server lists')
    const end = Math.min(at + most, total)
    const body = { things: Array.from({ length: end - at }, (_, i) => at + i), is_last: end === total, ...tokens ? end < total && { next_page_token: String(end) } : { total } }
    return new Response(JSON.stringify(body), { headers: { 'Content-Type': 'application/json' } })
  }
  return asked
}

const read = (wanted) => many('v1/things', 'things', { owner: 'me', name: '' }, wanted, new AbortController().signal)

for (const tokens of [false, true]) {
  test(`a list goes on beyond a thousand, by ${tokens ? 'tokens' : 'offsets'}`, async () => {
    const asked = serve(2500, tokens)
    const some = await read(1050)
    assert.deepEqual(some.all, Array.from({ length: 1050 }, (_, i) => i))
    assert.equal(some.last, false)
    assert.equal(asked.length, 2)
    assert.ok(asked.every((q) => q.includes('owner=me') && !q.includes('name=')))
    const all = await read(100_000)
    assert.deepEqual(all.all, Array.from({ length: 2500 }, (_, i) => i))
    assert.equal(all.last, true)
    if (!tokens) assert.equal(some.total, 2500)
  })
}

test('a list of nothing', async () => {
  serve(0, false)
  assert.deepEqual(await read(50), { all: [], last: true, total: 0 })
})

test('the instant that a clock shows in a zone', () => {
  const cases = [
    ['2026-11-27T10:30', 'Asia/Kolkata', '2026-11-27T05:00:00.000Z'],
    ['2026-11-27T10:30:15', 'UTC', '2026-11-27T10:30:15.000Z'],
    ['2026-07-01T00:00', 'America/New_York', '2026-07-01T04:00:00.000Z'],
    ['2026-01-01T00:00', 'America/New_York', '2026-01-01T05:00:00.000Z'],
    ['2026-11-01T01:30', 'America/New_York', '2026-11-01T05:30:00.000Z'], // shown twice: the first time
    ['2026-03-08T02:30', 'America/New_York', '2026-03-08T07:30:00.000Z'], // left out: 3:30
    ['2026-03-08T03:30', 'America/New_York', '2026-03-08T07:30:00.000Z'],
  ]
  for (const [text, zone, want] of cases) assert.equal(instantIn(text, zone), want, `${text} ${zone}`)
})
