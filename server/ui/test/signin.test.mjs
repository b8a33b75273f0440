// A server that wants a token (PAGE_SIGNIN_URL, PAGE_TOKEN), under a path.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { accessible, launch, open, settle, url } from './browser.mjs'

const at = process.env.PAGE_SIGNIN_URL ?? ''
const token = process.env.PAGE_TOKEN ?? ''

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

test('who has no token is asked for one, and it is kept in the tab alone', { skip: at === '' && 'PAGE_SIGNIN_URL is not set' }, async () => {
  const { context, page, faults } = await open(browser)
  await page.goto(at)
  await page.getByLabel('Token').fill('nonsense')
  await accessible(page, 'sign-in')
  await page.screenshot({ path: new URL('shots/signin-light.png', import.meta.url).pathname })
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('The server does not take this token').waitFor()
  await page.getByLabel('Token').fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('grid').waitFor()
  await settle(page)
  assert.equal(await page.evaluate(() => Object.values(localStorage).some((v) => v.length > 60)), false)
  await page.reload()
  await page.getByRole('grid').waitFor()
  await page.keyboard.press('e')
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Start the export' }).click()
  await dialog.getByText('Completed').waitFor()
  await page.evaluate(() => { delete globalThis.showSaveFilePicker })
  const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: /^Download/ }).click()])
  assert.match(download.suggestedFilename(), /\.csv$/)
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('Token').waitFor()
  assert.equal(await page.evaluate(() => sessionStorage.length), 0)
  // The browser itself writes of each answer 401; nothing else may be said.
  assert.deepEqual(faults.filter((f) => !/status of 401|asks /.test(f)), [])
  assert.ok(faults.filter((f) => f.startsWith('asks')).every((f) => f.startsWith(`asks ${new URL(at).origin}`)), `${url} is not asked`)
  await context.close()
})
