#include <tests/guest/lib/guest.h>
const char test_title[] = "bench";
void test_main(void) {}
