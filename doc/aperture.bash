# bash completion for aperture
_aperture()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words=
	local -i i
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'record report query merge symbolize doctor --help --version' -- "$cur")
		return
	fi
	if [[ $command == record ]]; then
		# behind -- stands a command of the user's own
		for ((i = 2; i < COMP_CWORD; i++)); do
			if [[ ${COMP_WORDS[i]} == -- ]]; then
				if ((i + 1 == COMP_CWORD)); then
					mapfile -t COMPREPLY < <(compgen -c -- "$cur")
				else
					mapfile -t COMPREPLY < <(compgen -f -- "$cur")
				fi
				return
			fi
		done
	fi
	# --option=value arrives as three words
	[[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
	[[ $cur == = ]] && prev=${COMP_WORDS[COMP_CWORD - 1]} && cur=
	case $command,$prev in
	record,-p | record,--pid)
		mapfile -t COMPREPLY < <(compgen -W "$(cd /proc && printf '%s ' [0-9]*)" -- "$cur")
		return ;;
	record,-u | record,--uid)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return ;;
	record,-e | record,--event) words='cycles cpu-clock task-clock page-faults context-switches cpu-migrations instructions cache-misses branch-misses' ;;
	record,-F | record,--freq) words='49 99 499 997 max' ;;
	record,--source) words='auto perf' ;;
	record,--call-graph) words='auto dwarf fp none' ;;
	*,--format) words='text json csv' ; [[ $command == doctor ]] && words='text json' ;;
	report,--host | report,--run | report,--pid | report,--tid | report,--comm | report,--cpu | report,--event | report,--function | report,--module) return ;;
	report,--label | report,--from | report,--to | report,--max-loss | report,-n | report,--limit) return ;;
	record,-[tCcdD] | record,--label | record,--max-size | record,--max-memory) return ;;
	*,--debug-dir)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return ;;
	esac
	if [[ -z $words && $cur == -* ]]; then
		case $command in
		record) words='-o --output -p --pid -t --tid -a --all-cpus -C --cpu -u --uid -G --cgroup -e --event -F --freq -c --count -d --duration -D --delay -g -q --quiet -v --verbose --source= --call-graph= --max-size --max-memory --label --no-symbols --replay --save-events --help --' ;;
		report) words='--top --tree --flame --folded --summary --host --run --pid --tid --comm --cpu --event --function --module --label --from --to --base --invert --strict --max-loss --format= -n --limit -o --output --no-pager -h --help' ;;
		query) words='--format= --timeout= --help' ;;
		merge) words='-o --output --help' ;;
		symbolize) words='--debug-dir --debuginfod --help' ;;
		doctor) words='--format= --help' ;;
		esac
	fi
	if [[ -n $words ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		[[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames
	fi
}
complete -F _aperture aperture
