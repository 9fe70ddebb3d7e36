/**
 * Drives a VS Code window as a person would: keys, clicks, and what the screen
 * says. Knows nothing of Sessyn.
 *
 * @module
 */
import { basename, dirname } from "node:path"
import { type Browser, chromium, type Locator, type Page } from "playwright-core"
import { vi } from "vitest"

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium"
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
/** A cold VS Code on two busy cores takes its time. */
const STEP_MS = 60_000

export interface Editor {
  /** Runs a command by its title, e.g. `Sessyn: Sync Now`. */
  runCommand(title: string): Promise<void>
  /** What the open quick pick or input box is called. */
  inputTitle(): Promise<string>
  /** Waits for an input box (a password box, too) with this title, and answers it. */
  type(title: string | RegExp, text: string): Promise<void>
  /** Waits for a quick pick with this title, and takes the entry that starts with `label`. */
  pick(title: string | RegExp, label: string): Promise<void>
  /** Waits for a notification whose text fits; its text. */
  notification(text: string | RegExp): Promise<string>
  /** Closes all notifications. */
  clearNotifications(): Promise<void>
  /** Waits for a dialog whose text fits; message and detail. */
  dialog(text: string | RegExp): Promise<string>
  /** Presses a button of the open dialog, by its label. */
  answerDialog(label: string | RegExp): Promise<void>
  /** Picks a folder in the simple file dialog: types where it lies, then takes it from the list. */
  chooseFolder(path: string): Promise<void>
  screenshot(path: string): Promise<void>
  close(): Promise<void>
}

/** One Chromium for all windows; each window is a profile of its own. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS })
}

/** Opens a folder of the server's disk in a window of its own. */
export async function openEditor(browser: Browser, serverUrl: string, folder: string): Promise<Editor> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  context.setDefaultTimeout(STEP_MS)
  const page = await context.newPage()
  await page.goto(`${serverUrl}/?folder=${encodeURIComponent(folder)}`)
  await page.locator(".monaco-workbench .statusbar").waitFor()
  return createEditor(page)
}

function createEditor(page: Page): Editor {
  const quickInput = page.locator(".quick-input-widget").filter({ visible: true })
  const quickText = quickInput.locator("input.input, .quick-input-box input").first()
  const rows = quickInput.locator(".quick-input-list .monaco-list-row")
  const centre = page.locator(".notifications-center")
  const dialogBox = page.locator(".monaco-dialog-box").filter({ visible: true })

  const waitForInput = (title: string | RegExp): Promise<void> =>
    quickInput.filter({ has: page.locator(".quick-input-title", { hasText: title }) }).waitFor()

  return {
    runCommand: (title) => runCommand(page, quickInput, title),
    inputTitle: () => quickInput.locator(".quick-input-title").innerText(),

    async type(title, text) {
      await waitForInput(title)
      await quickText.fill(text)
      await quickText.press("Enter")
    },

    async pick(title, label) {
      await waitForInput(title)
      const row = rows.filter({ has: page.locator(".label-name", { hasText: label }) }).first()
      await row.click()
    },

    // VS Code pops up no more than three in 800 ms; the others wait behind the bell.
    async notification(text) {
      const message = page.locator(".notification-list-item-message").filter({ hasText: text, visible: true }).first()
      await until(async () => {
        await message.waitFor({ timeout: 2000 }).catch(async (late: unknown) => {
          if (!(await centre.isVisible())) await page.locator('[id="status.notifications"] a').click()
          throw late
        })
      })
      return message.innerText()
    },

    clearNotifications: () => runCommand(page, quickInput, "Notifications: Clear All Notifications"),

    async dialog(text) {
      const box = dialogBox.filter({ hasText: text })
      await box.waitFor()
      return box.innerText()
    },

    async answerDialog(label) {
      await dialogBox.locator(".dialog-buttons .monaco-button", { hasText: label }).click()
      await dialogBox.waitFor({ state: "hidden" })
    },

    // The dialog reads folders while one types and clicks, and forgets what comes meanwhile: again, until it is taken.
    async chooseFolder(path) {
      const row = rows.filter({ has: page.locator(".label-name", { hasText: basename(path) }) })
      const accept = quickInput.locator(".quick-input-action .monaco-button").filter({ visible: true })
      const value = (): Promise<string> => quickText.inputValue()
      await vi.waitUntil(async () => (await value()).endsWith("/"), { timeout: STEP_MS })
      await until(() => quickText.fill(`${dirname(path)}/`).then(() => row.waitFor({ timeout: 2000 })))
      await row.click()
      await vi.waitUntil(async () => (await value()) === `${path}/`, { timeout: STEP_MS })
      await until(async () => {
        await accept.click({ timeout: 1000 })
        await accept.waitFor({ state: "hidden", timeout: 1000 })
      })
    },

    screenshot: async (path) => void (await page.screenshot({ path })),
    close: () => page.context().close(),
  }
}

/** Tries again until it goes through. */
async function until(attempt: () => Promise<unknown>): Promise<void> {
  const succeeds = (): Promise<boolean> =>
    attempt().then(
      () => true,
      () => false,
    )
  await vi.waitUntil(succeeds, { timeout: STEP_MS })
}

/** Opens the palette until it knows the command: extensions come in some time after the window. */
async function runCommand(page: Page, quickInput: Locator, title: string): Promise<void> {
  // Enter takes the row with the focus; before the list is filtered that is the last command used.
  const row = quickInput.locator(".monaco-list-row.focused").filter({ hasText: title })
  const deadline = Date.now() + STEP_MS
  for (;;) {
    await page.keyboard.press("F1")
    await quickInput.waitFor()
    await quickInput.locator("input").first().fill(`>${title}`)
    const found = await row.waitFor({ timeout: 3000 }).then(
      () => true,
      () => false,
    )
    if (found) break
    if (Date.now() > deadline) throw new Error(`no command is called ${title}`)
    await page.keyboard.press("Escape")
  }
  await page.keyboard.press("Enter")
}
