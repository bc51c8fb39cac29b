#include <windows.h>
#include <shellapi.h>
#include <stdio.h>
/* Writes down its arguments as UTF-8, a line each, and whether it has a console, into the file named
   after --log-file. */
int WINAPI wWinMain(HINSTANCE a, HINSTANCE b, PWSTR c, int d) {
  int n; LPWSTR *argv = CommandLineToArgvW(GetCommandLineW(), &n);
  HANDLE f = INVALID_HANDLE_VALUE; char buf[8192]; DWORD w;
  for (int i = 1; i + 1 < n; i++) if (!lstrcmpW(argv[i], L"--log-file"))
    f = CreateFileW(argv[i + 1], GENERIC_WRITE, 0, 0, CREATE_ALWAYS, 0, 0);
  if (f == INVALID_HANDLE_VALUE) return 3;
  for (int i = 0; i < n; i++) {
    int k = WideCharToMultiByte(CP_UTF8, 0, argv[i], -1, buf, 8190, 0, 0);
    buf[k - 1] = '\n'; WriteFile(f, buf, k, &w, 0);
  }
  const char *t = GetConsoleWindow() ? "console\n" : "no console\n";
  WriteFile(f, t, lstrlenA(t), &w, 0); CloseHandle(f); return 0;
}
