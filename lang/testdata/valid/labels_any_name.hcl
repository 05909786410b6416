chain "c-1" {
  hop "local" {}
}
host "_h-2" {
  chain = chain.c-1
}
job "größe" {
  hosts = [host._h-2]
  task "command" "t-1" {
    argv = ["x"]
  }
  task "shell" "t-1" {
    script = task.command.t-1.stdout
  }
}
