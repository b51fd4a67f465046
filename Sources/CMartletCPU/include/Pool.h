#ifndef MARTLET_POOL_H
#define MARTLET_POOL_H

#include <stddef.h>

// A pool of plain threads that share out the tasks of one loop at a time.

typedef struct MartletPool MartletPool;

/// One task of a loop, run by the worker of that index: 0 is the calling thread.
typedef void (*MartletTask)(void *_Nullable context, size_t task, int worker);

/// A pool of `threads` workers, the caller being one of them; fewer where the system gives no more threads. Null when out
/// of memory.
MartletPool *_Nullable martlet_pool_create(int threads);
/// Ends and joins the threads. No loop may be running.
void martlet_pool_destroy(MartletPool *_Nonnull pool);
/// How many workers there are, the caller included.
int martlet_pool_threads(const MartletPool *_Nonnull pool);

/// Runs `task` for 0..<tasks and returns when all are done. Which worker runs a task is not fixed, so each must write its own
/// results. Loops begun by several threads run one after the other; one begun inside a task runs in that task.
void martlet_pool_run(MartletPool *_Nonnull pool, size_t tasks, MartletTask _Nonnull task, void *_Nullable context);

/// Threads that go through the same work side by side.
typedef struct MartletTeam MartletTeam;

/// What each member of a team runs: `member` is in 0..<members.
typedef void (*MartletMember)(void *_Nullable context, MartletTeam *_Nonnull team, int member, int members);

/// Runs `body` on all workers at the same time, each once (on the calling one alone inside a task), and returns when all are done.
void martlet_pool_run_team(MartletPool *_Nonnull pool, MartletMember _Nonnull body, void *_Nullable context);

/// Waits until every member has come here; what they wrote before is then seen by all. Every member must come equally often.
void martlet_team_meet(MartletTeam *_Nonnull team);

#endif
