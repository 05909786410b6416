job "a" {
  hosts = host.localhost
  try {
    when = self.name == "localhost"
    tags = ["outer"]
    task "command" "one" {
      argv = ["one"]
    }
    try {
      task "file" "two" {
        path = "/two"
      }
      rescue {}
    }
    rescue {
      task "command" "three" {
        argv = ["say", failure.error, failure.address, try(failure.stdout, ""), try(failure.size, "")]
        when = failure.exit_code != 3
      }
      try {
        task "command" "four" {
          argv = ["four"]
        }
        always {
          task "command" "five" {
            argv = [failure.stderr]
            tags = ["inner"]
          }
        }
      }
    }
    always {
      task "command" "six" {
        argv = [task.command.one.stdout, task.command.three.stdout]
      }
    }
  }
  task "command" "seven" {
    argv = ["seven"]
  }
}
