// What the tests of the page share: a browser, and a page that fails the test by whatever it says on its console.
import { chromium } from 'playwright-core'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import assert from 'node:assert/strict'

// url is where the page is.
export const url = process.env.PAGE_URL ?? 'http://127.0.0.1:3000/'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export async function launch(...args) {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', ...args] })
}

// open returns a page of its own, and what is wrong with it: console errors, exceptions, requests to elsewhere.
export async function open(browser, options = {}) {
  const context = await browser.newContext({ acceptDownloads: true, locale: 'en-IN', timezoneId: 'Asia/Kolkata', viewport: { width: 1280, height: 800 }, ...options })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const faults = []
  page.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') faults.push(`${m.text()} (${m.location().url})`) })
  page.on('pageerror', (e) => faults.push(String(e)))
  page.on('request', (r) => { if (!r.url().startsWith(new URL(url).origin) && !/^(blob|data):/.test(r.url())) faults.push(`asks ${r.url()}`) })
  return { context, page, faults }
}

// settle waits until nothing is loading.
export async function settle(page) {
  await page.waitForFunction(() => !document.querySelector('.waiting'))
  await page.waitForLoadState('networkidle')
}

// total returns how many records the Ask screen says there are, once it says so.
export async function total(page) {
  const said = page.locator('.total').filter({ hasText: /\d/ })
  await said.waitFor()
  return (await said.textContent()).trim()
}

// accessible fails if axe-core finds something wrong with what is shown.
export async function accessible(page, what) {
  await page.evaluate(axe)
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  const said = found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${v.help}: ${n.html.slice(0, 200)} ${n.any.map((a) => a.message).join('; ')}`))
  assert.deepEqual(said, [], what)
}

// type puts a query in the place of what the editor holds.
export async function type(page, text) {
  const editor = page.locator('.cm-content')
  await editor.click()
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await page.keyboard.type(text)
}
