// Exports of FHIR: begun, followed, downloaded, filtered, cancelled and deleted. The server has a group of patients, mabiri.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { accessible, launch, open, settle, url } from './browser.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

const exports = async (page) => (await (await page.request.get(`${url}v1/fhir-exports`)).json()).exports

async function begin(page, choose) {
  await page.getByRole('button', { name: 'New FHIR export' }).click()
  const dialog = page.getByRole('dialog')
  await choose(dialog)
  await dialog.getByRole('button', { name: 'Start the export' }).click()
  await dialog.waitFor({ state: 'detached' })
}

test('an export of a group is begun, followed, and its files are of its types', async () => {
  const { context, page, faults } = await open(browser)
  await page.goto(`${url}#/fhir`)
  await settle(page)
  await begin(page, async (dialog) => {
    await dialog.getByRole('radio', { name: /A group of patients/ }).check()
    await dialog.getByLabel('Group', { exact: true }).selectOption('mabiri')
    assert.equal(await dialog.getByRole('checkbox', { name: 'MeasureReport' }).count(), 0, 'what belongs to no patient is not offered')
    await dialog.getByRole('checkbox', { name: 'Patient' }).check()
    await dialog.getByRole('checkbox', { name: 'Encounter' }).check()
    await dialog.getByLabel('Changed after (Asia/Kolkata)').fill('2020-01-01T05:30')
    await dialog.getByLabel('Elements').fill('Patient.name, Patient.gender')
    await accessible(page, 'the dialog')
  })
  await page.getByText('The export has begun.').waitFor()
  const card = page.locator('.card').first()
  await card.getByRole('heading', { name: 'Group mabiri' }).waitFor()
  await card.getByText('Completed').waitFor()
  const [made] = await exports(page)
  assert.equal(made.level, 'group')
  assert.equal(made.since, '2020-01-01T00:00:00Z', 'the clock of the page')
  assert.deepEqual(made.types, ['Patient', 'Encounter'])
  assert.deepEqual(made.elements, ['Patient.name', 'Patient.gender'])
  await card.getByText(`${new Intl.NumberFormat('en-IN').format(made.resources)} resources`).waitFor()

  // Whoever has waited for it sees the files at once; who comes back opens them.
  await page.reload()
  await card.getByRole('button', { name: /files?$/ }).click()
  let total = 0
  const buttons = card.locator('section').filter({ hasText: 'Resources' }).getByRole('button', { name: /^Download / })
  await buttons.first().waitFor()
  for (const button of await buttons.all()) {
    const [saved] = await Promise.all([page.waitForEvent('download'), button.click()])
    const type = /^([A-Za-z]+)-\d+\.ndjson$/.exec(saved.suggestedFilename())[1]
    const lines = (await readFile(await saved.path(), 'utf8')).trimEnd().split('\n').map((l) => JSON.parse(l))
    assert.ok(lines.length > 0 && lines.every((r) => r.resourceType === type), saved.suggestedFilename())
    if (type === 'Patient') assert.ok(lines.every((r) => r.name && !r.birthDate && !r.address), 'elements that were not asked for are left out')
    total += lines.length
  }
  assert.equal(total, made.resources)
  await accessible(page, 'the files')

  await page.getByLabel('State').selectOption('failed')
  await page.getByText('There is no such export.').waitFor()
  await page.getByLabel('State').selectOption('completed')
  await card.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.waitForFunction(async ([at, id]) => !(await (await fetch(at)).json()).exports.some((e) => e.id === id), [`${url}v1/fhir-exports`, made.id])
  assert.deepEqual(faults, [])
  await context.close()
})

test('an export of everything shows how far it is, and is cancelled', async () => {
  const { context, page, faults } = await open(browser)
  await page.goto(`${url}#/fhir`)
  await settle(page)
  await begin(page, async () => {})
  const card = page.locator('.card').filter({ has: page.getByRole('progressbar') }).first()
  await card.getByRole('heading', { name: 'The whole system' }).waitFor()
  await page.waitForFunction(() => document.querySelector('.card progress')?.value > 0)
  const [running] = await exports(page)
  assert.equal(running.status, 'processing')
  await card.getByRole('button', { name: 'Cancel the export' }).click()
  await page.getByText('The export is cancelled.').waitFor()
  await page.waitForFunction(() => !document.querySelector('.card progress'))
  assert.ok(!(await exports(page)).some((e) => e.id === running.id))
  assert.equal((await page.request.get(`${url}fhir/r4/$export-status/${running.id}`)).status(), 404)
  assert.deepEqual(faults, [])
  await context.close()
})

test('what cannot be exported is said as the server says it', async () => {
  const { context, page, faults } = await open(browser)
  await page.goto(`${url}#/fhir`)
  await settle(page)
  await page.getByRole('button', { name: 'New FHIR export' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Elements').fill('Patient.nmae')
  await dialog.getByRole('button', { name: 'Start the export' }).click()
  await dialog.getByText('Patient has no element "nmae"', { exact: false }).waitFor()
  await accessible(page, 'a refused export')
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  assert.deepEqual(faults.filter((f) => !f.includes('status of 400')), [])
  await context.close()
})
