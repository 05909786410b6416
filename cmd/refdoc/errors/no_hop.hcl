host "web" { address = "web.example.net" }
