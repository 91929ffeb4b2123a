"""The officer's page: Persian, right to left, without JavaScript. On top of everything; nothing imports it but the command."""
