/**
 * The workspace key in the host's keychain, which opens the vault without the
 * passphrase. Whether it is the right one is for `unlock.ts` to say.
 *
 * @module
 */
import { concatBytes } from "../../crypto/bytes.ts"
import { Secret } from "../../crypto/secret.ts"
import type { Context } from "../vault/context.ts"
import type { Config } from "../vault/memory.ts"

/** Under which name the keychain keeps the key of a workspace. */
export function rememberedKeyName(workspace: string): string {
  return `workspace-key-${workspace}`
}

/** Keeps the newest workspace key in the host's keychain. */
export async function remember(context: Context): Promise<void> {
  const { host, keyring, config } = context
  const keys = keyring.current
  if (keys === undefined) throw new TypeError("not unlocked")
  const epoch = new Uint8Array(4)
  new DataView(epoch.buffer).setUint32(0, keys.epoch)
  const secret = new Secret(concatBytes(epoch, keys.key.expose()))
  await host.keychain.write(rememberedKeyName(config.workspace), secret)
  secret.wipe()
}

export async function isRemembered({ host, config }: Context): Promise<boolean> {
  const secret = await host.keychain.read(rememberedKeyName(config.workspace))
  secret?.wipe()
  return secret !== null
}

export async function forget({ host, config }: Pick<Context, "host"> & { readonly config: Pick<Config, "workspace"> }) {
  await host.keychain.remove(rememberedKeyName(config.workspace))
}
