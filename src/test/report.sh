#!/bin/sh
# Maven's output as somebody wants it who waits for it: a line for each class whose tests pass, and all of what fails.
# Ends well if the build does.
status=1
while IFS= read -r line; do
  case $line in
    *'[INFO] BUILD SUCCESS') status=0 ;;
    '[INFO] Tests run: '*'$'* | '[WARNING] Tests run: '*'$'*) ;;
    '[INFO] Tests run: '*' -- in '* | '[WARNING] Tests run: '*' -- in '*)
      seconds=${line#*elapsed: }
      printf 'ok %8s s  %s\n' "${seconds%% s -- *}" "${line##* -- in dev.bactrian.}" ;;
    '[INFO] Tests run: '* | '[WARNING] Tests run: '*) printf '%s\n' "${line#*] }" ;;
    *'[INFO] '* | '[ERROR] ' | '[ERROR] -> [Help'* | '[ERROR] [Help'* | '[ERROR] To see the full'* | '[ERROR] Re-run Maven'* | '[ERROR] For more info'*) ;;
    *) printf '%s\n' "$line" ;;
  esac
done
exit $status
