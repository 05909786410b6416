host "l" {
  hop "local" {}
}
job "a" {
  hosts = host.l
  task "file" "f" {
    path    = "/f"
    content = <<-EOT
      %{for x in ["a", "b"]~}
      line ${x}
      %{endfor~}
      %{if self.name == "l"}yes%{else}no%{endif}
    EOT
  }
}
