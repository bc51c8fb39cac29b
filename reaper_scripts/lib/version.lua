-- What these scripts are; compared with the daemon's answer to hello.
return { scripts = "0.1.0", protocol = 1 }
