// Says by its exit code whether the hub in this container lives. Its certificate is made for another name than this one.
const { PORT = "3000", TLS_CERT = "" } = process.env
if (TLS_CERT !== "") process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"
const url = `${TLS_CERT === "" ? "http" : "https"}://127.0.0.1:${PORT}/health/live`
const alive = await fetch(url, { signal: AbortSignal.timeout(2500) }).then(({ ok }) => ok, () => false)
process.exit(alive ? 0 : 1)
