// A server that wants a token (PAGE_SIGNIN_URL, PAGE_TOKEN), under a path.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { accessible, launch, open, settle, total, url } from './browser.mjs'

const at = process.env.PAGE_SIGNIN_URL ?? ''
const token = process.env.PAGE_TOKEN ?? ''
const lesser = process.env.PAGE_LESSER_TOKEN ?? '' // of ravi, who sees one district, and may not export

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

test('what is shared is seen with the rights of who looks', { skip: at === '' && 'PAGE_SIGNIN_URL is not set' }, async () => {
  const as = async (who) => {
    const opened = await open(browser)
    await opened.page.goto(at)
    await opened.page.getByLabel('Token').fill(who)
    await opened.page.getByRole('button', { name: 'Sign in' }).click()
    await opened.page.getByRole('link', { name: 'Dashboards' }).click()
    return opened
  }
  const send = async (page, method, path, data) => (await page.request.fetch(`${at}v1/${path}`, { method, data, headers: { Authorization: `Bearer ${token}` } })).json()
  const mine = await as(token)
  const name = `Shared ${Date.now()}`
  const filter = await send(mine.page, 'POST', 'filters', { name, jql: '', allowed_indexes: ['health-data-visits'] })
  await send(mine.page, 'POST', 'dashboards', { name, gadgets: [{ type: 'stat', title: 'Visits', filter_id: filter.id, position: { row: 0, col: 0, width: 6, height: 4 } }] })
  await mine.page.reload()
  const dialog = mine.page.getByRole('dialog')
  await mine.page.locator('.card').filter({ hasText: name }).getByRole('button', { name: 'Share', exact: true }).click()
  await dialog.getByRole('button', { name: 'Add a user' }).click()
  await dialog.getByLabel('User').fill('ravi')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.getByText('is to be shared (ravi)').waitFor()
  await dialog.getByRole('button', { name: 'Close' }).last().click()

  // The layout is there, and the filter is not.
  const theirs = await as(lesser)
  await theirs.page.getByRole('link', { name }).click()
  await theirs.page.getByRole('region', { name: 'Visits' }).locator('.failure').waitFor()

  await mine.page.locator('.card').filter({ hasText: name }).getByRole('button', { name: 'Share', exact: true }).click()
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.getByRole('button', { name: 'Share the filters too' }).click()
  await dialog.getByText('This has become of the filters').waitFor()
  await dialog.getByRole('button', { name: 'Close' }).last().click()
  await mine.page.getByRole('link', { name }).click()

  const seen = async (page) => Number((await page.getByRole('region', { name: 'Visits' }).locator('.big').textContent()).replace(/\D/g, ''))
  await theirs.page.reload()
  const [all, some] = [await seen(mine.page), await seen(theirs.page)]
  assert.ok(some > 0 && some < all, `${some} of ${all}`)
  assert.equal(await theirs.page.getByRole('link', { name: 'Audit' }).count(), 0)
  assert.equal(await theirs.page.getByRole('link', { name: 'Edit' }).count(), 0)
  await theirs.page.getByRole('region', { name: 'Visits' }).locator('.big a').click()
  await theirs.page.getByRole('grid').waitFor()
  assert.equal(Number((await total(theirs.page)).replace(/\D/g, '')), some)
  assert.equal(await theirs.page.getByRole('button', { name: 'Export' }).count(), 0)
  await mine.context.close()
  await theirs.context.close()
})
