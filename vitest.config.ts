import { playwright } from "@vitest/browser-playwright"
import { defineConfig } from "vitest/config"

/** Tests that say nothing of Node run in a browser too; the others are named so. */
const NODE_ONLY = "**/*.node.test.ts"
/** Minutes rather than seconds; left out of `npm test`. */
const LONG = "test/integration/**/*.long.test.ts"
/** A tree of thousands of files through a real host. */
const REAL = "test/integration/**/*.real.test.ts"
/** The real command refusing what it must; minutes of it. */
const REFUSALS = "test/integration/wrongInput/**/*.test.ts"
/** Hundreds of killed processes: a project of its own. */
const CRASH = "test/integration/crash/**/*.test.ts"

const chromium = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
}

/** After the fast ones, and not more at once than two cores bear: real parts have deadlines of their own. */
const real = { testTimeout: 120_000, hookTimeout: 120_000, maxWorkers: 2, sequence: { groupOrder: 1 } }

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "test/unit/**/*.test.ts",
            "test/conformance/**/*.test.ts",
            "test/property/**/*.test.ts",
            "test/fuzz/**/*.test.ts",
          ],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // Vitest would leave one core free, which is half of two.
          maxWorkers: "100%",
        },
      },
      {
        test: {
          name: "browser",
          include: [
            "test/unit/{crypto,storage,src}/**/*.test.ts",
            "test/conformance/**/*.test.ts",
            "test/property/**/*.test.ts",
          ],
          exclude: [NODE_ONLY],
          testTimeout: 60_000,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: chromium }),
            instances: [{ browser: "chromium" }],
          },
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          exclude: [LONG, REAL, REFUSALS, CRASH],
          ...real,
        },
      },
      { test: { name: "long", include: [LONG], ...real, testTimeout: 600_000 } },
      { test: { name: "real", include: [REAL, REFUSALS], ...real, testTimeout: 900_000 } },
      { test: { name: "crash", include: [CRASH], ...real, testTimeout: 900_000 } },
      {
        test: {
          name: "hosts",
          include: ["test/hosts/**/*.test.ts"],
          ...real,
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
