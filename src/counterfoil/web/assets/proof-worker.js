// Runs the verifier beside the page, so that a bundle with many events does not freeze it.
addEventListener("message", async ({ data }) => {
  try {
    const { verifyBundle } = await import(data.verifier);
    postMessage({ verdict: await verifyBundle(data.bytes, { trustedKeys: data.trustedKeys }) });
  } catch (error) {
    postMessage({ error: String(error?.message ?? error) });
  }
});
