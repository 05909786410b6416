runner { parallelism = "x" } # error: wrong_type

job "a" {
  hosts      = [host.h]
  depends_on = [job.first]
  tags       = [local.x]
  run_as     = var.z
  task "command" "c" {
    argv        = 7 # error: wrong_type
    frobnicate  = 3 # error: unknown_argument
    when        = var.y
    environment = { A = inventory.ansible.x.hosts, B = job.z.task.command.x["h"].stdout, C = chain.c }
  }
  task "command" "d" {
    argv = [task.command.none.stdout, local.x] # error: unknown_reference
  }
  task "command" "e" {
    argv = [nofunc(local.x), task.command.c.stdnot] # error: unknown_function # error: unknown_reference
  }
  role "r" {} # error: missing_argument
}
output "y" {
  value = local.z + []
}
