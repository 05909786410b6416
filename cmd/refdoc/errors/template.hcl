output "greeting" { value = templatestring("Hello, $${name}", { nam = "you" }) }
