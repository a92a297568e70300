from gridbot_tui.main import main

main()
