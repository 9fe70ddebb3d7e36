import { createWebCrypto } from "../../../crypto/webCrypto.ts"
import { cryptoConformance } from "../../conformance/crypto.ts"

cryptoConformance("webcrypto", createWebCrypto)
