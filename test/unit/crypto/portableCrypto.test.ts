import { createPortableCrypto } from "../../../crypto/portableCrypto.ts"
import { cryptoConformance } from "../../conformance/crypto.ts"

cryptoConformance("portable", createPortableCrypto)
