"""What we know. Rows never leave this package: `store.open_store(url)` gives rooms that take and give the words of `didban`."""
