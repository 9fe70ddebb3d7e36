import { createMemoryDisk } from "../../src/platform/memory/memoryDisk.ts"
import { createMemoryWorkspace, type MemoryWorkspaceOptions } from "../../src/platform/memory/memoryWorkspace.ts"
import { describeWorkspace } from "./workspace.ts"

const VARIANTS: Readonly<Record<string, MemoryWorkspaceOptions>> = {
  "memory, as on Linux": {},
  "memory, as on macOS": { caseInsensitive: true, normalizes: true },
  "memory, as on Windows": { caseInsensitive: true, windowsNames: true, modes: "none", links: false },
}

for (const [name, options] of Object.entries(VARIANTS)) {
  describeWorkspace(name, async () => {
    const disk = createMemoryDisk(options)
    return {
      workspace: createMemoryWorkspace({ ...options, disk }),
      other: createMemoryWorkspace({ ...options, disk }),
    }
  })
}
