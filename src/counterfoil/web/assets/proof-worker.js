// Runs the verifier beside the page, so that a bundle with many events does not freeze it. A message without bytes or files
// only loads it, so that nothing has to be fetched later.
addEventListener("message", async ({ data }) => {
  try {
    const { verifyBundle, verifyTogether } = await import(data.verifier);
    if (data.files) postMessage({ together: verifyTogether(data.files) });
    else if (data.bytes) postMessage({ verdict: await verifyBundle(data.bytes, { trustedKeys: data.trustedKeys }) });
    else postMessage({ ready: true });
  } catch (error) {
    postMessage({ error: String(error?.message ?? error) });
  }
});
