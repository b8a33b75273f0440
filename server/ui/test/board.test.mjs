// A dashboard is made of gadgets of every kind, arranged, shared and opened.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { launch, open, settle, url } from './browser.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

const api = async (page, path, options) => (await page.request.fetch(`${url}v1/${path}`, options)).json()

test('what is opened in the morning is the favourite dashboard, and a figure opens its records', async () => {
  const { context, page, faults } = await open(browser)
  await page.goto(url)
  await page.getByRole('heading', { name: 'Malaria and the campaign of 2026' }).waitFor()
  const stat = page.getByRole('region', { name: 'Visits with malaria in November 2026' })
  const figure = stat.locator('.big a')
  const n = await figure.textContent()
  await figure.click()
  await page.waitForFunction(() => location.hash.startsWith('#/ask'))
  await settle(page)
  assert.equal((await page.locator('.total').textContent()).trim(), `${n} records`)
  await page.goBack()
  await page.getByRole('region', { name: 'How severe malaria was' }).getByRole('button', { name: 'Figures' }).click()
  const first = page.getByRole('region', { name: 'How severe malaria was' }).getByRole('row', { name: /severe/ }).getByRole('link')
  const severe = await first.textContent()
  await first.click()
  await page.waitForFunction(() => decodeURIComponent(location.hash).includes('severity'))
  await settle(page)
  assert.equal((await page.locator('.total').textContent()).trim(), `${severe} records`)
  assert.deepEqual(faults, [])
  await context.close()
})

test('a click into a picture opens the records of that part', async () => {
  const { context, page, faults } = await open(browser)
  await page.goto(url)
  const part = page.getByRole('region', { name: 'How severe malaria was' }).locator('.point').first()
  await part.waitFor()
  const said = await part.locator('title').textContent()
  const n = /[\d,]+/.exec(said)[0]
  await part.dispatchEvent('click')
  await page.waitForFunction(() => location.hash.startsWith('#/ask'))
  await settle(page)
  assert.equal((await page.locator('.total').textContent()).trim().replace(/\D/g, ''), n.replace(/\D/g, ''), said)
  assert.deepEqual(faults, [])
  await context.close()
})

test('a dashboard is made with all five gadgets, arranged, shared with its filters, and deleted', async () => {
  const { context, page, faults } = await open(browser, { viewport: { width: 1280, height: 1100 } })
  const name = `Board ${Date.now()}`
  const made = await api(page, 'filters', { method: 'POST', data: { name: `Filter of ${name}`, jql: 'diagnosis ~ malaria', allowed_indexes: ['health-data-visits'] } })
  await page.goto(`${url}#/dashboards`)
  await page.getByRole('button', { name: 'New dashboard' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill(name)
  await dialog.getByRole('button', { name: 'Create' }).click()
  await page.getByText('Nothing is on this dashboard yet.').waitFor()

  const add = async (type, title, more) => {
    await page.getByRole('button', { name: 'Add a gadget' }).first().click()
    await dialog.getByLabel('Title').fill(title)
    await dialog.getByLabel('Kind').selectOption(type)
    await dialog.getByLabel('Filter').selectOption(made.id)
    await more?.()
    await dialog.getByRole('region', { name: 'Preview' }).locator('.rest').waitFor()
    await dialog.getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('region', { name: title }).waitFor()
  }
  const group = async (field) => {
    await dialog.getByLabel('One for each').locator(`option[value="${field}"]`).waitFor({ state: 'attached' })
    await dialog.getByLabel('One for each').selectOption(field)
  }
  await add('stat', 'All of them')
  await add('bar-chart', 'By district', () => group('district'))
  await add('pie-chart', 'By severity', () => group('severity'))
  await add('line-chart', 'By month', async () => { await group('visited_at'); await dialog.getByLabel('For each', { exact: true }).selectOption('month') })
  await add('table', 'The records', () => dialog.getByLabel('Columns').fill('visit_id, district'))
  await settle(page)
  const id = new URLSearchParams((await page.evaluate(() => location.hash)).split('?')[1]).get('id')
  const before = await api(page, `dashboards/${id}/config`)
  assert.equal(before.gadgets.length, 5)

  // By the mouse: the first gadget is drawn to the right.
  const handle = page.getByRole('region', { name: 'All of them' }).locator('.handle h2')
  const box = await handle.boundingBox()
  await page.mouse.move(box.x + 20, box.y + 8)
  await page.mouse.down()
  await page.mouse.move(box.x + 60, box.y + 10, { steps: 5 })
  await page.mouse.move(box.x + 660, box.y + 12, { steps: 15 })
  await page.mouse.up()
  // By the keyboard: another gets another size.
  await page.getByRole('button', { name: 'Done' }).click()
  await page.getByRole('link', { name: 'Edit' }).waitFor()
  const moved = await api(page, `dashboards/${id}/config`)
  assert.equal(moved.gadgets.find((g) => g.title === 'All of them').position.col, 6)
  await page.getByRole('link', { name: 'Edit' }).click()
  await page.getByRole('button', { name: 'Edit By severity' }).click()
  await dialog.getByText('Place and size').click()
  await dialog.getByLabel('Width').fill('4')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'detached' })
  const sized = await api(page, `dashboards/${id}/config`)
  assert.equal(sized.gadgets.find((g) => g.title === 'By severity').position.width, 4)

  // What does not fit is refused in words.
  await page.getByRole('button', { name: 'Edit By severity' }).click()
  await dialog.getByLabel('What is shown').selectOption('avg')
  await dialog.getByRole('region', { name: 'Preview' }).locator('.failure').waitFor()
  await dialog.getByRole('button', { name: 'Cancel' }).click()

  await page.getByRole('button', { name: 'Share' }).click()
  await dialog.getByRole('button', { name: 'Add a user' }).click()
  await dialog.getByLabel('User').fill('asha')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.getByText('is to be shared (asha)').waitFor()
  await dialog.getByRole('button', { name: 'Share the filters too' }).click()
  await dialog.getByText('This has become of the filters').waitFor()
  await dialog.getByRole('button', { name: 'Close' }).last().click()
  const filter = await api(page, `filters/${made.id}`)
  assert.deepEqual(filter.share_permissions, [{ type: 'user', id: 'asha', permission: 'read' }])

  await page.getByRole('button', { name: 'Remove The records' }).click()
  await dialog.getByRole('button', { name: 'Remove the gadget' }).click()
  await page.getByRole('region', { name: 'The records' }).waitFor({ state: 'detached' })
  await page.goto(`${url}#/dashboards`)
  const card = page.locator('.card').filter({ has: page.getByRole('link', { name, exact: true }) })
  await card.getByRole('button', { name: 'Delete' }).click()
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await card.waitFor({ state: 'detached' })
  await page.request.delete(`${url}v1/filters/${made.id}`)
  assert.deepEqual(faults.filter((f) => !f.includes('status of 422')), [], 'the preview that does not fit is refused with 422')
  await context.close()
})

test('a filter that is gone leaves a sentence in its gadget, and the others as they are', async () => {
  const { context, page, faults } = await open(browser)
  const name = `Gone ${Date.now()}`
  const filter = await api(page, 'filters', { method: 'POST', data: { name, jql: 'age < 5', allowed_indexes: ['health-data-visits'] } })
  const kept = await api(page, 'filters', { method: 'POST', data: { name: `${name} kept`, jql: 'age < 1', allowed_indexes: ['health-data-visits'] } })
  const gadget = (title, id, col) => ({ type: 'stat', title, filter_id: id, position: { row: 0, col, width: 4, height: 4 } })
  const board = await api(page, 'dashboards', { method: 'POST', data: { name, gadgets: [gadget('<b>Lost</b>', filter.id, 0), gadget('\u202eKept', kept.id, 4)] } })
  await page.request.delete(`${url}v1/filters/${filter.id}`)
  await page.goto(`${url}#/dashboard?id=${board.id}`)
  await page.getByRole('region', { name: '<b>Lost</b>' }).locator('.failure').waitFor()
  await page.getByRole('region', { name: /Kept/ }).locator('.big').waitFor()
  await page.request.delete(`${url}v1/dashboards/${board.id}`)
  await page.request.delete(`${url}v1/filters/${kept.id}`)
  assert.deepEqual(faults, [])
  await context.close()
})
