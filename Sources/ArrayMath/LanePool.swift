internal import Foundation
internal import Synchronization

/// Work that is cut into numbered lanes, each of which may run on any thread: a value that holds what
/// the lanes need.
package protocol LaneWork {
    /// Does one lane's share; no two lanes may write the same memory.
    func perform(lane: Int)
}

extension LaneWork {
    /// Does one lane's share of the work of this type that lies at an address.
    fileprivate static func perform(_ work: UnsafeRawPointer, lane: Int) {
        work.assumingMemoryBound(to: Self.self).pointee.perform(lane: lane)
    }
}

/// Threads that wait for work and run its lanes side by side.
///
/// The number of lanes belongs to the work, the number of threads to the pool: who sums up per
/// lane and then over lanes in order gets the same bits on any number of threads. A run allocates
/// nothing.
package final class LanePool {
    package let threadCount: Int
    private let shared: LaneBoard
    private var threads: [pthread_t] = []

    /// A pool of `threadCount` threads, the caller of `run` being one of them.
    package init(threadCount: Int) {
        precondition(threadCount > 0, "a pool needs a thread")
        self.threadCount = threadCount
        // With more threads than processors, one that looks for work keeps another from doing it.
        shared = LaneBoard(
            looksFirst: threadCount <= ProcessInfo.processInfo.activeProcessorCount)
        for _ in 1..<threadCount {
            #if canImport(Darwin)
            var thread: pthread_t?
            #else
            var thread = pthread_t()
            #endif
            let board = Unmanaged.passRetained(shared)
            let status = pthread_create(
                &thread, nil,
                { argument in
                    #if canImport(Darwin)
                    let pointer: UnsafeMutableRawPointer? = argument
                    #else
                    let pointer = argument
                    #endif
                    if let pointer {
                        Unmanaged<LaneBoard>.fromOpaque(pointer).takeRetainedValue().work()
                    }
                    return nil
                }, board.toOpaque())
            // A thread that the system refuses only costs speed: the lanes run on the others.
            if status != 0 {
                board.release()
                break
            }
            #if canImport(Darwin)
            if let thread { threads.append(thread) }
            #else
            threads.append(thread)
            #endif
        }
    }

    deinit {
        shared.stop()
        for thread in threads { pthread_join(thread, nil) }
    }

    /// Runs lanes `0..<laneCount` of the work and returns when all are done.
    package func run<Work: LaneWork>(_ laneCount: Int, _ work: Work) {
        guard !threads.isEmpty && laneCount > 1 else {
            for lane in 0..<laneCount { work.perform(lane: lane) }
            return
        }
        // A closure that outlives its call for the other threads would be allocated each time.
        withUnsafePointer(to: work) { shared.run(laneCount, Work.self, UnsafeRawPointer($0)) }
    }
}

/// What the threads of one pool share; every field but the two counters is read and written under
/// the mutex.
private final class LaneBoard {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let workArrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let workDone = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// The type and the address of the work that is being done.
    private var current: (type: any LaneWork.Type, work: UnsafeRawPointer)?
    private var nextLane = 0
    private var laneCount = 0
    private var stopping = false
    /// Changes with every work and at the end; changed under the mutex, watched without it.
    private let arrivals = Atomic<Int>(0)
    /// Lanes of the current work that are not done; changed under the mutex, watched without it.
    private let unfinished = Atomic<Int>(0)
    /// How often a thread looks before it sleeps.
    private let lookCount: Int

    init(looksFirst: Bool) {
        // Some ten microseconds.
        lookCount = looksFirst ? 20_000 : 0
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(workArrived, nil)
        pthread_cond_init(workDone, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(workArrived)
        pthread_cond_destroy(workDone)
        mutex.deallocate()
        workArrived.deallocate()
        workDone.deallocate()
    }

    func run(_ laneCount: Int, _ type: any LaneWork.Type, _ work: UnsafeRawPointer) {
        pthread_mutex_lock(mutex)
        current = (type, work)
        nextLane = 0
        self.laneCount = laneCount
        unfinished.store(laneCount, ordering: .relaxed)
        arrivals.wrappingAdd(1, ordering: .relaxed)
        pthread_cond_broadcast(workArrived)
        takeLanes()
        if unfinished.load(ordering: .relaxed) > 0 {
            pthread_mutex_unlock(mutex)
            var looks = lookCount
            while looks > 0 && unfinished.load(ordering: .relaxed) > 0 { looks &-= 1 }
            // What the lanes wrote is seen by whoever takes the mutex after them.
            pthread_mutex_lock(mutex)
        }
        while unfinished.load(ordering: .relaxed) > 0 { pthread_cond_wait(workDone, mutex) }
        current = nil
        pthread_mutex_unlock(mutex)
    }

    func stop() {
        pthread_mutex_lock(mutex)
        stopping = true
        arrivals.wrappingAdd(1, ordering: .relaxed)
        pthread_cond_broadcast(workArrived)
        pthread_mutex_unlock(mutex)
    }

    /// The life of one thread of the pool.
    func work() {
        pthread_mutex_lock(mutex)
        while !stopping {
            takeLanes()
            let seen = arrivals.load(ordering: .relaxed)
            pthread_mutex_unlock(mutex)
            var looks = lookCount
            while looks > 0 && arrivals.load(ordering: .relaxed) == seen { looks &-= 1 }
            pthread_mutex_lock(mutex)
            while !stopping && arrivals.load(ordering: .relaxed) == seen {
                pthread_cond_wait(workArrived, mutex)
            }
        }
        pthread_mutex_unlock(mutex)
    }

    /// Runs lanes until none is left to take; called and left with the mutex held.
    private func takeLanes() {
        while nextLane < laneCount, let (type, work) = current {
            let lane = nextLane
            nextLane += 1
            pthread_mutex_unlock(mutex)
            type.perform(work, lane: lane)
            pthread_mutex_lock(mutex)
            if unfinished.wrappingSubtract(1, ordering: .relaxed).newValue == 0 {
                pthread_cond_signal(workDone)
            }
        }
    }
}
