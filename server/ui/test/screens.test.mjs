// Every screen, in light, in dark and on a phone: axe-core finds nothing, the console is silent, and a picture is made in shots/.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { accessible, launch, open, settle, type, url } from './browser.mjs'

const shots = new URL('shots/', import.meta.url).pathname

let browser
before(async () => {
  await mkdir(shots, { recursive: true })
  browser = await launch()
})
after(() => browser.close())

const question = `#/ask?index=health-data-visits&jql=${encodeURIComponent('diagnosis ~ malaria AND age < 5 ORDER BY visited_at DESC')}`
const dialog = (page) => page.getByRole('dialog')

// drawn waits until every picture of a dashboard is there.
async function drawn(page) {
  await page.locator('.gadget .rest').nth(7).waitFor()
  await page.waitForFunction(() => document.querySelectorAll('.drawing').length === document.querySelectorAll('.drawing svg').length)
}

// screens are where each begins, and what is done there.
export const screens = {
  dashboard: ['#/', (page) => drawn(page)],
  arranging: ['#/', async (page) => {
    await drawn(page)
    await page.getByRole('link', { name: 'Edit' }).click()
    await drawn(page)
  }],
  gadget: ['#/', async (page) => {
    await drawn(page)
    await page.getByRole('link', { name: 'Edit' }).click()
    await page.getByRole('button', { name: 'Edit How severe malaria was' }).click()
    await dialog(page).getByRole('region', { name: 'Preview' }).locator('.rest').waitFor()
  }],
  dashboards: ['#/dashboards'],
  ask: ['#/ask?index=health-data-visits&jql='],
  answer: [question],
  mistake: [question, async (page) => {
    await type(page, 'age >= 60 AND gendr = female')
    await page.getByRole('button', { name: 'Use gender' }).waitFor()
    await page.locator('.cm-lintRange-error').waitFor()
  }],
  proposals: [question, async (page) => {
    await type(page, 'district = ')
    await page.locator('.cm-tooltip-autocomplete').waitFor()
  }],
  nothing: ['#/ask?index=health-data-visits&jql=visit_id%20%3D%20nobody'],
  record: [question, async (page) => {
    await page.getByRole('gridcell').nth(1).dblclick()
    await dialog(page).getByText('Type of visit').waitFor()
  }],
  columns: [question, async (page) => { await page.getByRole('button', { name: 'Columns' }).click() }],
  save: [question, async (page) => { await page.getByRole('button', { name: 'Save', exact: true }).click() }],
  export: [question, async (page) => {
    await page.getByRole('button', { name: 'Export', exact: true }).click()
    await dialog(page).getByText('More choices').click()
  }],
  exported: [question, async (page) => {
    await page.getByRole('button', { name: 'Export', exact: true }).click()
    await dialog(page).getByRole('button', { name: 'Start the export' }).click()
    await dialog(page).getByText('Completed').waitFor()
  }],
  behind: [`${question}&zone=America%2FNew_York&as_of=2026-11-27T10:00:00Z`],
  keeps: [`${question}&zone=America%2FNew_York&as_of=2026-11-27T10:00:00Z`, async (page) => { await page.getByRole('button', { name: 'Save', exact: true }).click() }],
  filters: ['#/filters'],
  share: ['#/filters', async (page) => {
    await page.locator('.card').getByRole('button', { name: 'Share' }).first().click()
    await dialog(page).getByRole('button', { name: 'Add a group' }).click()
  }],
  delete: ['#/filters', async (page) => { await page.locator('.card').getByRole('button', { name: 'Delete' }).first().click() }],
  exports: ['#/exports'],
  fhir: ['#/exports', async (page) => {
    const begun = await page.request.get(`${url}fhir/r4/Group/mabiri/$export`, { params: { _type: 'Patient,Encounter', _since: '2026-01-01T00:00:00Z', _elements: 'Patient.name,Patient.gender' } })
    const status = begun.headers()['content-location']
    while ((await page.request.get(status)).status() === 202) await page.waitForTimeout(1000)
    await page.goto(`${url}#/fhir`)
    await page.locator('.card').first().getByRole('button', { name: /files?$/ }).click()
    await page.locator('.files li').first().waitFor()
  }],
  fhirruns: ['#/', async (page) => {
    const e = (more) => ({ user_id: 'asha', level: 'system', types: ['AllergyIntolerance', 'Condition', 'Encounter', 'Observation', 'Patient'], resources: 0, deletions: 0, unmappable: 0, files: 0, bytes: 0, progress: 0, created_at: '2026-11-27T10:00:00Z', ...more })
    const all = [
      e({ id: '1', status: 'initiated', doing: '0% waiting' }),
      e({ id: '2', status: 'processing', progress: 37, doing: '37% Observation: 12000 of 50000', resources: 84094, unmappable: 3, level: 'patient', filters: ['Observation?status=final'], patients: 12 }),
      e({ id: '3', status: 'failed', doing: 'failed', error: { code: 'ENGINE_UNAVAILABLE', message: 'the search engine did not answer', transient: true } }),
      e({ id: '4', status: 'expired', progress: 100, doing: '100% expired: 12 resources', resources: 12, files: 2, level: 'group', group: 'mabiri', until: '2026-11-01T00:00:00Z' }),
    ]
    await page.route('**/v1/fhir-exports*', (r) => r.fulfill({ json: { exports: all, start_at: 0, max_results: 30, is_last: true } }))
    await page.goto(`${url}#/fhir`)
    await page.getByText('search engine did not answer').waitFor()
  }],
  fhirnew: ['#/fhir', async (page) => {
    await page.getByRole('button', { name: 'New FHIR export' }).click()
    await dialog(page).getByRole('radio', { name: /A group of patients/ }).check()
    await dialog(page).getByLabel('Group', { exact: true }).waitFor()
  }],
  audit: ['#/audit'],
  nowhere: ['#/elsewhere'],
  help: ['#/filters', async (page) => { await page.getByRole('button', { name: 'Keys and help' }).click() }],
}

// SCREENS names those that are wanted, with commas between; without it, all are.
const wanted = process.env.SCREENS?.split(',') ?? Object.keys(screens)

const looks = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
}

for (const [look, options] of Object.entries(looks)) {
  test(`every screen, ${look}`, async (t) => {
    for (const name of wanted) {
      const [at, act] = screens[name]
      await t.test(name, async () => {
        const { context, page, faults } = await open(browser, options)
        await page.goto(url + at)
        await settle(page)
        await act?.(page)
        await settle(page)
        await accessible(page, `${name}, ${look}`)
        await page.screenshot({ path: `${shots}${name}-${look}.png` })
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
        assert.ok(wide <= 0, `the page is ${wide} px wider than the window`)
        assert.deepEqual(faults, [])
        await context.close()
      })
    }
  })
}

test('every screen, in Hindi', async () => {
  for (const name of ['dashboard', 'answer', 'filters', 'exports', 'fhir', 'fhirnew', 'audit'].filter((n) => wanted.includes(n))) {
    const { context, page, faults } = await open(browser, { locale: 'hi-IN' })
    await page.goto(url + (name === 'fhir' ? '#/fhir' : screens[name][0]))
    await settle(page)
    if (name === 'fhirnew') await page.locator('.bar .main').click()
    await page.waitForTimeout(name === 'dashboard' ? 1000 : 0)
    await settle(page)
    await accessible(page, `${name}, in Hindi`)
    await page.screenshot({ path: `${shots}${name}-hindi.png` })
    assert.deepEqual(faults, [])
    await context.close()
  }
})
