// What leaves the page: paper, a whole screen, a report, and files that a storage elsewhere has.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { launch, open, settle, url } from './browser.mjs'

const shots = new URL('shots/', import.meta.url).pathname

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

// drawn waits until every picture of the dashboard is there.
async function drawn(page) {
  await page.locator('.gadget .rest').nth(7).waitFor()
  await page.waitForFunction(() => document.querySelectorAll('.drawing').length > 0 && document.querySelectorAll('.drawing').length === document.querySelectorAll('.drawing svg').length)
}

test('on paper there are the gadgets, each whole on one page, and nothing to click', async () => {
  const { context, page, faults } = await open(browser)
  await page.goto(url)
  await drawn(page)
  await page.emulateMedia({ media: 'print' })
  await drawn(page)
  for (const name of ['header.top', '.skip', '.board .tools button', '.board .tools select', '.gadget button']) {
    for (const one of await page.locator(name).all()) assert.equal(await one.isVisible(), false, name)
  }
  const cut = await page.evaluate(() => [...document.querySelectorAll('.gadget')].filter((g) => {
    const box = g.getBoundingClientRect()
    return box.width === 0 || getComputedStyle(g.closest('.grid-stack-item')).breakInside !== 'avoid' ||
      [...g.querySelectorAll('table, .drawing svg, .rest')].some((part) => part.getBoundingClientRect().bottom > box.bottom + 1 || part.getBoundingClientRect().right > box.right + 1)
  }).map((g) => g.textContent.slice(0, 40)))
  assert.deepEqual(cut, [], 'nothing of a gadget is cut off')
  await page.screenshot({ path: `${shots}print-light.png`, fullPage: true })
  const paper = await page.pdf({ format: 'A4' })
  assert.equal(paper.subarray(0, 5).toString(), '%PDF-')
  assert.deepEqual(faults, [])
  await context.close()
})

test('on paper all is dark on white, also what is light on dark on the screen', async () => {
  const { context, page, faults } = await open(browser, { colorScheme: 'dark' })
  await page.addInitScript(() => localStorage.setItem('dhr.theme', 'dark'))
  await page.goto(url)
  await drawn(page)
  const light = (what) => page.evaluate((of) => {
    const box = document.querySelector(of)
    const [r, g, b] = /(\d+), (\d+), (\d+)/.exec(getComputedStyle(box)[of === '.drawing' ? 'backgroundColor' : 'color']).slice(1).map(Number)
    return (r + g + b) / 765
  }, what)
  assert.ok(await light('.board h1') > 0.7)
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' })
  assert.ok(await light('.board h1') < 0.3)
  assert.ok(await light('.stat .big a') < 0.3)
  assert.ok(await light('.drawing') < 0.3, 'a picture with light letters keeps its ground')
  await page.screenshot({ path: `${shots}print-dark.png`, fullPage: true })
  assert.deepEqual(faults, [])
  await context.close()
})

test('a dashboard fills the screen, and Escape gives it back', async () => {
  const { context, page, faults } = await open(browser)
  await page.goto(url)
  await drawn(page)
  await page.getByRole('button', { name: 'Full screen' }).click()
  await page.waitForFunction(() => document.fullscreenElement?.classList.contains('board'))
  assert.equal(await page.locator('.gadget').first().isVisible(), true)
  await page.evaluate(() => document.exitFullscreen())
  await page.waitForFunction(() => !document.fullscreenElement)
  assert.deepEqual(faults, [])
  await context.close()
})

test('figures are read again after some time, and the address says so', async () => {
  const { context, page, faults } = await open(browser)
  await page.clock.install()
  await page.goto(url)
  await drawn(page)
  let asked = 0
  page.on('request', (r) => { if (/\/v1\/dashboards\/[^/]+\/data/.test(r.url())) asked++ })
  await page.getByLabel('Read again').selectOption('30')
  await page.waitForFunction(() => location.hash.includes('every=30'))
  await page.clock.runFor(29_000)
  assert.equal(asked, 0)
  const again = page.waitForRequest(/\/v1\/dashboards\/[^/]+\/data/)
  await page.clock.runFor(2_000)
  await again
  await page.getByLabel('Read again').selectOption('0')
  await settle(page)
  const before = asked
  await page.clock.runFor(120_000)
  assert.equal(asked, before)
  assert.deepEqual(faults, [])
  await context.close()
})

test('a dashboard is downloaded as a report on paper, of the figures that are shown', async () => {
  const { context, page, faults } = await open(browser)
  await page.goto(url)
  await drawn(page)
  const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'PDF report' }).click()])
  assert.match(new URL(saved.url()).searchParams.get('as_of'), /^\d{4}-/)
  assert.match(saved.suggestedFilename(), /\.pdf$/)
  const paper = await readFile(await saved.path())
  assert.equal(paper.subarray(0, 5).toString(), '%PDF-')
  assert.match(paper.subarray(-32).toString('latin1'), /%%EOF\s*$/)
  const gadgets = await page.locator('.gadget').count()
  const pages = paper.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length ?? 0
  assert.ok(pages >= 2 && gadgets >= 8, `${pages} pages of ${gadgets} gadgets`)
  assert.deepEqual(faults, [])
  await context.close()
})

test('a file that a storage elsewhere has is fetched there, without the token and without a hole in the policy', async () => {
  const seen = []
  const storage = createServer((q, r) => {
    seen.push(q.headers)
    r.writeHead(200, { 'Content-Type': 'text/csv', 'Content-Disposition': 'attachment; filename="visits.csv"' }).end('visit_id\nV1\n')
  })
  await new Promise((r) => storage.listen(0, '127.0.0.1', r))
  const place = `http://127.0.0.1:${storage.address().port}/get/visits.csv`
  const { context, page, faults } = await open(browser)
  try {
    await page.addInitScript(() => { sessionStorage.setItem('dhr.token', 'a-token'); delete globalThis.showSaveFilePicker })
    const e = {
      id: 'e1', user_id: 'asha', status: 'completed', jql: 'age < 5', format: 'csv', options: {}, phase: 'completed', total_records: 1, processed_records: 1, progress: 100, bytes_written: 12, truncated: false,
      files: [{ number: 1, name: 'visits.csv', size: 12, rows: 1, sha256: 'ab', media_type: 'text/csv' }], created_at: '2026-11-27T10:00:00Z',
    }
    await page.route('**/v1/exports?*', (r) => r.fulfill({ json: { exports: [e], start_at: 0, max_results: 30, is_last: true } }))
    let preferred = ''
    await page.route('**/v1/exports/e1/files/1', (r) => {
      preferred = r.request().headers()['prefer']
      return r.fulfill({ status: 204, headers: { 'Location': place, 'Preference-Applied': 'no-redirect' } })
    })
    await page.goto(`${url}#/exports`)
    const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download visits.csv' }).click()])
    assert.equal(preferred, 'no-redirect')
    assert.equal(await readFile(await saved.path(), 'utf8'), 'visit_id\nV1\n')
    assert.ok(seen.length > 0 && seen.every((h) => !h.authorization && !h.referer), 'the storage is told nothing')
    assert.deepEqual(faults, [])
  } finally {
    await context.close()
    storage.close()
  }
})

test('who has signed in with a token has the queues opened first', async () => {
  const { context, page, faults } = await open(browser)
  await page.addInitScript(() => sessionStorage.setItem('dhr.token', 'a-token'))
  await page.route('**/v1/capabilities', async (r) => r.fulfill({ json: { ...await (await r.fetch()).json(), queues: true } }))
  let opened = null
  await page.route('**/v1/queues/pass', (r) => {
    opened = r.request()
    return r.fulfill({ status: 204, headers: { 'Set-Cookie': 'dhr-queues=abc; Path=/admin/queues/; HttpOnly; SameSite=Strict' } })
  })
  await page.route('**/admin/queues/', (r) => r.fulfill({ contentType: 'text/html', body: `<title>queues</title>${r.request().headers()['authorization'] ?? 'no token'}` }))
  await page.goto(`${url}#/filters`)
  await page.getByRole('link', { name: 'Queues' }).click()
  await page.getByText('no token').waitFor()
  assert.equal(opened.method(), 'POST')
  assert.equal(opened.headers()['authorization'], 'Bearer a-token')
  assert.equal((await context.cookies(`${url}admin/queues/`)).find((c) => c.name === 'dhr-queues')?.value, 'abc')
  assert.deepEqual(faults, [])
  await context.close()
})

test('who signs out has the queues closed, and does not wait for it', async () => {
  for (const queues of [true, false]) {
    const { context, page, faults } = await open(browser)
    await page.route('**/v1/capabilities', async (r) => r.fulfill({ json: { ...await (await r.fetch()).json(), queues } }))
    const closed = []
    let answer
    const answered = new Promise((done) => { answer = done })
    await page.route('**/v1/queues/pass', async (r) => {
      closed.push(`${r.request().method()} ${r.request().headers()['authorization']}`)
      await answered
      await r.fulfill({ status: 204 })
    })
    await page.goto(`${url}#/filters`)
    await page.evaluate(() => sessionStorage.setItem('dhr.token', 'a-token'))
    await page.reload()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign out' }).waitFor({ state: 'detached' })
    await page.getByRole('heading', { name: 'Filters' }).waitFor()
    assert.equal(await page.evaluate(() => sessionStorage.length), 0)
    answer()
    await settle(page)
    assert.deepEqual(closed, queues ? ['DELETE Bearer a-token'] : [])
    assert.deepEqual(faults, [])
    await context.close()
  }
})

test('administrators find the queues of workers where there are any', async () => {
  for (const [queues, permissions, links] of [[true, ['view', 'admin'], 1], [false, ['view', 'admin'], 0], [true, ['view'], 0]]) {
    const { context, page, faults } = await open(browser)
    const change = (to) => async (r) => r.fulfill({ json: { ...await (await r.fetch()).json(), ...to } })
    await page.route('**/v1/capabilities', change({ queues }))
    await page.route('**/v1/me', change({ permissions }))
    await page.goto(`${url}#/filters`)
    await settle(page)
    const link = page.getByRole('link', { name: 'Queues' })
    assert.equal(await link.count(), links, JSON.stringify([queues, permissions]))
    if (links) assert.equal(await link.evaluate((a) => a.href), `${url}admin/queues/`)
    assert.deepEqual(faults, [])
    await context.close()
  }
})
