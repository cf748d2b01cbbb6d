"""What is typed: words, values, commands; nothing here asks the store or prints."""
