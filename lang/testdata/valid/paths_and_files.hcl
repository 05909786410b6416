host "l" {
  hop "local" {}
}
job "a" {
  hosts = host.l
  task "file" "f" {
    path    = "/f"
    content = "${basename(path.site)} ${path.site == path.module} ${fileexists("paths_and_files.hcl")}"
  }
  task "file" "g" {
    path   = "/g"
    source = "paths_and_files.hcl"
  }
}
