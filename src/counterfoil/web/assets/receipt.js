// A token that came with the address opened the page; it has no place in the history or in a link that is copied.

const address = new URL(location.href);
if (address.searchParams.has("token")) {
  address.searchParams.delete("token");
  history.replaceState(null, "", address);
}
